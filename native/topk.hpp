// The best scores by a heap of k: one comparison for nearly every score.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace latelight {

// Writes at most k ordinals, best first, equal scores by lower ordinal; returns how many.
// NaN and -inf are left out.
inline int64_t top_k(const float* scores, int64_t n, int64_t* best, int64_t k) {
  const auto before = [scores](int64_t a, int64_t b) {
    return scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
  };
  int64_t kept = 0;
  for (int64_t i = 0; i < n && k > 0; ++i) {
    if (!(scores[i] > -std::numeric_limits<float>::infinity())) continue;
    if (kept == k) {
      // The heap's front is the worst kept; a later equal score never replaces it.
      if (!(scores[i] > scores[best[0]])) continue;
      std::pop_heap(best, best + kept--, before);
    }
    best[kept++] = i;
    std::push_heap(best, best + kept, before);
  }
  std::sort_heap(best, best + kept, before);
  return kept;
}

}  // namespace latelight

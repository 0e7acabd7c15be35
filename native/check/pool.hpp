// Checks that threads sharing work do every piece once, whoever else shares out work meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "../parallel.hpp"

namespace latelight {

// Returns how many pieces were not done exactly once, or by a worker whose number is too large.
inline int n_wrong_pieces(int64_t n_pieces, int n_workers) {
  std::vector<std::atomic<int>> done(n_pieces);
  std::atomic<int> n_wrong{0};
  share_out(n_pieces, n_workers, [&](int worker, int64_t piece) {
    n_wrong += worker < 0 || worker >= n_workers;
    share_out(2, 2, [&](int, int64_t) { ++done[piece]; });  // a piece may share out its own work
  });
  for (const auto& times : done) n_wrong += times != 2;
  return n_wrong;
}

inline int check_pool() {
  std::atomic<int> n_wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      for (int round = 0; round < 200; ++round) {
        rouse(3);
        n_wrong += n_wrong_pieces(round % 9, 1 + (round + caller) % 4);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  return n_wrong;
}

}  // namespace latelight

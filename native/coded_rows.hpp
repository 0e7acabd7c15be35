// Coded rows of segments, and the units that a search has found in them so far.
//
// A row is centroid + mean of its unit's residuals + scale * code, all in the rotated space. For a
// query row q, q . row = q . centroid + q . mean + scale * (q . code): the first comes from a table
// over centroids, the second is the same for all rows of a unit and is added to its sum once, the
// third is an integer product. `kernels/reference_search.py` states the arithmetic.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "driver.hpp"
#include "isas.hpp"

namespace latelight {

// One segment's rows of one space.
struct CodedRows {
  const uint16_t* centroid_of;   // (n_rows,)
  const uint8_t* codes;          // (n_rows, dim * bits / 8)
  const uint8_t* code_scales;    // (n_rows,)
  const int64_t* row_offsets;    // (n_units + 1,)
  const int8_t* means;           // (n_units, dim)
  const float* mean_scales;      // (n_units,)
  const int64_t* list_offsets;   // (n + 1,)
  const uint16_t* lists;         // units that have a row of the centroid, ascending
  const float* scale_of_code;    // (256,)
  const uint64_t* filled;        // a bit per unit, as `filled_units` gives
  const uint64_t* allowed;       // a bit per unit, or null
  Documents exact;               // the stored rows, `values` null when there are none
  const char* exact_form;
  int64_t n_units;
  int64_t n_rows;
  int64_t n_listed;
  int bits;
  const uint8_t* levels;         // (16,) that codes stand for, + 128
};

struct SearchOptions {
  int n_probe;       // centroids per query row, at least
  int n_candidates;  // kept by the probe
  int n_scored;      // of those, scored with residuals
  int n_exact;       // of those, scored with the stored rows; 0 leaves the stage out
  int k = 0;         // how many of the best matter; 0 scores as many as the numbers above say
  double deviations = 0;  // of what a stage adds, within which a unit may still come among the k
};

struct Found {
  float score;
  int32_t segment;
  int32_t unit;
  float mean_part = 0;  // what the unit's mean adds to the score of every stage but the exact one
};

// Returns a bit for each unit that has rows, and offsets of rows that can be right.
inline std::vector<uint64_t> filled_units(const int64_t* row_offsets, int64_t n_units,
                                          int64_t n_rows) {
  std::vector<uint64_t> filled((n_units + 63) / 64, 0);
  for (int64_t unit = 0; unit < n_units; ++unit) {
    const int64_t begin = row_offsets[unit], end = row_offsets[unit + 1];
    if (begin >= 0 && end > begin && end <= n_rows) filled[unit / 64] |= uint64_t{1} << unit % 64;
  }
  return filled;
}

// Best first; equal scores by segment and unit, so that an answer does not depend on the order in
// which units were met.
inline bool better(const Found& a, const Found& b) {
  if (a.score != b.score) return a.score > b.score;
  return a.segment != b.segment ? a.segment < b.segment : a.unit < b.unit;
}

inline void keep_best(std::vector<Found>& found, int64_t k, std::vector<float>& scores) {
  if (static_cast<int64_t>(found.size()) <= k) return;
  // The k-th best score by the scores alone, which move faster than whole entries; then what lies
  // above it, and of those equal to it the first, since entries are in the order of their numbers.
  scores.clear();
  for (const Found& one : found) scores.push_back(one.score);
  std::nth_element(scores.begin(), scores.begin() + (k - 1), scores.end(), std::greater<>());
  const float last = scores[k - 1];
  int64_t n_equal = k;
  for (const Found& one : found) n_equal -= one.score > last;
  size_t kept = 0;
  for (const Found& one : found) {
    if (one.score > last || (one.score == last && n_equal-- > 0)) found[kept++] = one;
  }
  found.resize(kept);
}

// Of units in the order of their scores before a stage, of which it has scored the first: returns
// how many may come among the k best. The others lie so low that their scores would have to rise by
// more than the first ones' did on average and `deviations` standard deviations.
inline int64_t n_promising(const std::vector<Found>& found, const std::vector<float>& before,
                           int64_t n_first, int64_t k, double deviations) {
  std::vector<float> scores;
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < n_first; ++i) {
    scores.push_back(found[i].score);
    sum += found[i].score - before[i];
  }
  const double mean = sum / static_cast<double>(n_first);
  for (int64_t i = 0; i < n_first; ++i) {
    const double off = found[i].score - before[i] - mean;
    squares += off * off;
  }
  const double deviation = std::sqrt(squares / static_cast<double>(n_first));
  std::nth_element(scores.begin(), scores.begin() + (k - 1), scores.end(), std::greater<>());
  const double bound = scores[k - 1] - mean - deviations * deviation;
  auto n = n_first;
  while (n < static_cast<int64_t>(found.size()) && !(found[n].score < bound)) ++n;
  return n;
}

// Inlined, as whatever only fetches must be: GCC takes such a function for one without effects and
// leaves out calls of it.
template <class T>
LATELIGHT_INLINE void fetch_span(const T* begin, const T* end) {
  const auto* to = reinterpret_cast<const char*>(end);
  for (const auto* at = reinterpret_cast<const char*>(begin); at < to; at += 64) fetch(at);
}

// The query's rows added up, as int8 codes: their product with a unit's mean is the mean's part.
class QuerySum {
 public:
  QuerySum() = default;
  QuerySum(const float* query, int n_query, int dim) : codes_(dim) {
    std::vector<float> sum(dim, 0.0F);
    for (int i = 0; i < n_query; ++i) {
      for (int d = 0; d < dim; ++d) sum[d] += query[int64_t{i} * dim + d];
    }
    float peak = 0;
    for (const float x : sum) peak = std::max(peak, std::fabs(x));
    scale_ = peak < 1e-30F ? 0.0F : peak / 127.0F;
    for (int d = 0; d < dim; ++d) {
      codes_[d] = static_cast<int8_t>(scale_ > 0 ? nearest(sum[d] / scale_) : 0.0F);
    }
  }

  float with_mean(const Isa& isa, const CodedRows& rows, int64_t unit) const {
    int32_t product = 0;
    isa.scan.dots(codes_.data(), mean_of(rows, unit), 1, dim(), &product);
    return static_cast<float>(product) * scale_ * rows.mean_scales[unit];
  }

  // Asks for the mean that will be read soon.
  LATELIGHT_INLINE void fetch_mean(const CodedRows& rows, int64_t unit) const {
    const int8_t* mean = mean_of(rows, unit);
    fetch_span(mean, mean + dim());
    fetch_span(rows.mean_scales + unit, rows.mean_scales + unit + 1);
  }

 private:
  int dim() const { return static_cast<int>(codes_.size()); }
  const int8_t* mean_of(const CodedRows& rows, int64_t unit) const {
    return rows.means + unit * dim();
  }

  std::vector<int8_t> codes_;
  float scale_ = 0;
};

}  // namespace latelight

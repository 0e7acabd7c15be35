// Coded rows read back, in the space that codes lie in: what is scored where rows are not kept.
#pragma once

#include <vector>

#include "candidates.hpp"
#include "parallel.hpp"

namespace latelight {

constexpr int64_t fewest_decoded_rows = 4'096;  // fewer are not worth another thread

inline void decode_unit(const Isa& isa, const Codebook& book, const CodedRows& rows, int64_t unit,
                        float length, float* out) {
  const int dim = book.dim;
  const int row_bytes = dim * rows.bits / 8;
  static constexpr int8_t nothing[1024] = {};
  float mean[1024];  // the largest dim
  for (int d = 0; d < dim; ++d) {
    mean[d] = static_cast<float>(rows.means[unit * dim + d]) * rows.mean_scales[unit];
  }
  const int64_t begin = rows.row_offsets[unit], n = rows.row_offsets[unit + 1] - begin;
  for (int64_t r = 0; r < n; ++r) {
    const int64_t row = begin + r;
    const int centroid = rows.centroid_of[row];
    const bool is_known = centroid < book.n;  // else the file is damaged
    isa.scan.decode(
        rows.codes + row * row_bytes, rows.bits, rows.levels, rows.scale_of_code[rows.code_scales[row]],
        is_known ? book.centroids + int64_t{centroid} * dim : nothing,
        is_known ? book.scales[centroid] : 0.0F, mean, length, dim, out + r * dim);
  }
}

// Writes the rows (starts[n], dim) of some units, whose offsets were checked; `starts` says where each
// one's begin. With a length, all rows get it.
inline void decode_units(const Isa& isa, const Codebook& book, const CodedRows& rows,
                         const int64_t* units, const int64_t* starts, int64_t n, float length,
                         float* out, int n_threads) {
  share_out(n, starts[n] < fewest_decoded_rows ? 1 : n_threads, [&](int, int64_t i) {
    decode_unit(isa, book, rows, units[i], length,
                out + starts[i] * book.dim);
  });
}

}  // namespace latelight

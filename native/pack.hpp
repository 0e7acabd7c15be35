// A query in the layout that a kernel reads (kernel.hpp says which).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "buffer.hpp"
#include "kernel.hpp"

namespace latelight {

inline uint16_t bfloat16_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

class PackedQuery {
 public:
  PackedQuery(const float* query, int n_query, int dim, const Kernel& kernel)
      : n_query_(n_query),
        dim_(dim),
        kernel_(kernel),
        n_vectors_((n_query + kernel.lanes - 1) / kernel.lanes),
        packed_(static_cast<size_t>(n_lanes()) * dim * element_bytes()),
        code_sums_(n_lanes(), 0),
        scales_(n_query, 1.0F) {
    std::memset(packed_.get(), 0, static_cast<size_t>(n_lanes()) * dim * element_bytes());
    for (int row = 0; row < n_query; ++row) {
      const float* from = query + int64_t{row} * dim;
      pack_row(from, row);
      largest_norm_ = std::max(largest_norm_, std::sqrt(std::inner_product(from, from + dim, from, 0.0F)));
    }
  }

  Query view() const { return {packed_.get(), code_sums_.data(), n_vectors_, dim_}; }
  int n_lanes() const { return n_vectors_ * kernel_.lanes; }
  int n_query() const { return n_query_; }
  const float* scales() const { return scales_.data(); }  // similarity = best of the lane * scale
  float largest_norm() const { return largest_norm_; }

 private:
  size_t element_bytes() const {
    switch (kernel_.packed_as) {
      case Element::f32: return 4;
      case Element::i8: return 1;
      default: return 2;
    }
  }

  void pack_row(const float* row, int number) {
    switch (kernel_.packed_as) {
      case Element::f32: return scatter<float>(row, number, [](float x) { return x; });
      case Element::bf16: return scatter<uint16_t>(row, number, bfloat16_of);
      case Element::i16: return pack_codes<int16_t>(row, number);
      case Element::i8: return pack_codes<int8_t>(row, number);
    }
  }

  // The same rule as quantize_int8 in the numpy reference, operation by operation.
  template <class T>
  void pack_codes(const float* row, int number) {
    float peak = 0;
    for (int d = 0; d < dim_; ++d) peak = std::max(peak, std::fabs(row[d]));
    const bool flat = peak < 1e-30F;
    const float inverse = flat ? 0.0F : 127.0F / peak;
    scales_[number] = flat ? 0.0F : peak / 127.0F;
    scatter<T>(row, number, [&](float x) {
      const auto code = static_cast<T>(nearest(x * inverse));
      code_sums_[number] += code;
      return code;
    });
  }

  template <class T, class Convert>
  void scatter(const float* row, int number, Convert convert) {
    const int lanes = kernel_.lanes, group = kernel_.group, lane = number % lanes;
    T* vector = reinterpret_cast<T*>(packed_.get()) + int64_t{number - lane} * dim_;
    for (int d = 0; d < dim_; d += group) {
      T* together = vector + d * lanes + lane * group;
      for (int g = 0; g < group; ++g) together[g] = convert(row[d + g]);
    }
  }

  int n_query_, dim_;
  const Kernel& kernel_;
  int n_vectors_;
  Buffer<std::byte> packed_;
  std::vector<int32_t> code_sums_;  // per lane
  std::vector<float> scales_;       // per query row
  float largest_norm_ = 0;
};

}  // namespace latelight

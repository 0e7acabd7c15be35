// The first stage of an approximate search: a query against every centroid of a codebook.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "buffer.hpp"
#include "isas.hpp"
#include "pack.hpp"
#include "parallel.hpp"

namespace latelight {

constexpr int stride_unit = 32;            // lanes are padded to whole vectors of bytes
constexpr int table_tile_rows = 64;
constexpr int piece_rows = 512;            // that a thread takes at a time
constexpr int wanted_blocks = 256;         // of centroids whose peaks stand for them
constexpr float byte_range = 0.75F;        // similarities that far below the best become byte 0
constexpr int16_t never = 32767;           // a threshold that no similarity reaches

struct Codebook {
  const int8_t* centroids;  // (n, dim)
  const float* scales;      // (n,)
  int n;
  int dim;
  float largest_norm;       // of a centroid

  static Codebook of(const int8_t* centroids, const float* scales, int n, int dim) {
    float largest = 1e-30F;
    for (int c = 0; c < n; ++c) {
      int64_t squares = 0;
      for (int d = 0; d < dim; ++d) {
        const int64_t code = centroids[int64_t{c} * dim + d];
        squares += code * code;
      }
      largest = std::max(largest, scales[c] * std::sqrt(static_cast<float>(squares)));
    }
    return {centroids, scales, n, dim, largest};
  }
};

// The similarities of one query with every centroid of a codebook, in steps and in bytes.
class Table {
 public:
  void fill(const Isa& isa, const PackedQuery& query, const Codebook& book, int n_probe,
            int n_threads) {
    n_query_ = query.n_query();
    stride_ = (query.n_lanes() + stride_unit - 1) / stride_unit * stride_unit;
    n_ = book.n;
    block_ = std::max(1, (n_ + wanted_blocks - 1) / wanted_blocks);
    piece_ = (piece_rows + block_ - 1) / block_ * block_;
    step_ = 127.0F * std::sqrt(static_cast<float>(book.dim)) * book.largest_norm / 32000.0F;
    steps_.resize(int64_t{n_} * stride_);
    bytes_.resize(int64_t{n_} * stride_);
    peaks_.assign(int64_t{n_blocks()} * stride_, -never);
    const int64_t n_pieces = (n_ + piece_ - 1) / piece_;
    if (static_cast<int>(scratch_.size()) < n_threads) scratch_.resize(n_threads);
    share_out(n_pieces, n_threads, [&](int worker, int64_t piece) {
      fill_steps(isa, query, book, static_cast<int>(piece) * piece_, scratch_[worker]);
    });
    choose_bounds(isa, query, n_probe);
    probed_in_.resize(n_pieces);
    share_out(n_pieces, n_threads, [&](int, int64_t piece) {
      fill_bytes(isa, static_cast<int>(piece) * piece_, probed_in_[piece]);
    });
    probed_.clear();
    for (const auto& some : probed_in_) probed_.insert(probed_.end(), some.begin(), some.end());
  }

  int n_centroids() const { return n_; }
  int stride() const { return stride_; }
  int n_blocks() const { return (n_ + block_ - 1) / block_; }
  float step() const { return step_; }
  const int16_t* steps(int centroid) const { return steps_.data() + centroid * row(); }
  const uint8_t* bytes(int centroid) const { return bytes_.data() + centroid * row(); }
  const uint8_t* bytes() const { return bytes_.data(); }
  const uint8_t* floor() const { return floor_.data(); }
  // The centroids that come among the best of any query row, ascending.
  const std::vector<int32_t>& probed() const { return probed_; }
  // A sum of bytes as a sum of similarities.
  float similarity(int sum) const { return static_cast<float>(sum) * per_byte_ + low_sum_; }
  // A difference of similarities in bytes.
  float bytes_of(float difference) const { return per_byte_ > 0 ? difference / per_byte_ : 0.0F; }

 private:
  // What one thread needs to fill its pieces.
  struct Scratch {
    AlignedVector<float> similarities;
    AlignedVector<char> prepared;
  };

  int64_t row() const { return stride_; }
  int end_of_piece(int first) const { return std::min(n_, first + piece_); }

  void fill_steps(const Isa& isa, const PackedQuery& query, const Codebook& book, int first,
                  Scratch& scratch) {
    scratch.prepared.resize(int64_t{table_tile_rows} * book.dim * std::max(isa.i8.prepared_bytes, 1));
    scratch.similarities.assign(int64_t{table_tile_rows} * stride_, 0.0F);
    const int end = end_of_piece(first);
    for (int c = first; c < end; c += table_tile_rows) {
      const int n_rows = std::min(table_tile_rows, end - c);
      const char* stored = reinterpret_cast<const char*>(book.centroids) + int64_t{c} * book.dim;
      if (isa.i8.prepared_bytes) {
        isa.i8.prepare(stored, int64_t{n_rows} * book.dim, scratch.prepared.data());
      }
      const void* rows = isa.i8.prepared_bytes ? scratch.prepared.data() : stored;
      isa.scan.similarities(query.view(), {rows, book.scales + c, n_rows, 0, stored}, stride_,
                            scratch.similarities.data());
      for (int r = 0; r < n_rows;) {
        const int n_same = std::min(n_rows - r, block_ - (c + r) % block_);
        isa.scan.to_steps(scratch.similarities.data() + r * row(), n_same, stride_, step_,
                          steps_.data() + (c + r) * row(),
                          peaks_.data() + (c + r) / block_ * row());
        r += n_same;
      }
    }
  }

  void fill_bytes(const Isa& isa, int first, std::vector<int32_t>& probed) {
    probed.clear();
    const int end = end_of_piece(first);
    isa.scan.to_bytes(steps(first), low_.data(), factor_.data(), end - first, stride_,
                      bytes_.data() + first * row());
    for (int c = first; c < end;) {
      const int next = std::min(end, c + block_);
      if (!isa.scan.reaches(peaks_.data() + c / block_ * row(), threshold_.data(), stride_)) c = next;
      for (; c < next; ++c) {
        if (isa.scan.reaches(steps(c), threshold_.data(), stride_)) probed.push_back(c);
      }
    }
  }

  void choose_bounds(const Isa& isa, const PackedQuery& query, int n_probe) {
    low_.assign(stride_, 0);
    factor_.assign(stride_, 0);
    threshold_.resize(stride_);
    peak_.resize(stride_);
    floor_.assign(stride_, 0);
    const float range = byte_range * query.largest_norm();
    per_byte_ = range / 255.0F;
    low_sum_ = 0;
    isa.scan.thresholds(peaks_.data(), n_blocks(), stride_, std::min(n_probe, n_blocks()),
                        threshold_.data());
    isa.scan.thresholds(peaks_.data(), n_blocks(), stride_, 1, peak_.data());
    for (int lane = 0; lane < stride_; ++lane) {
      const float unit = lane < n_query_ ? step_ * query.scales()[lane] : 0.0F;  // of a step
      if (unit <= 0) {
        threshold_[lane] = never;
        continue;
      }
      const float low = std::max(static_cast<float>(peak_[lane]) - range / unit, -32000.0F);
      low_[lane] = static_cast<int16_t>(low);
      factor_[lane] = static_cast<uint16_t>(std::min(unit / per_byte_ * 65536.0F, 65535.0F));
      low_sum_ += static_cast<float>(low_[lane]) * unit;
    }
    isa.scan.to_bytes(threshold_.data(), low_.data(), factor_.data(), 1, stride_,
                      floor_.data());
  }

  int n_query_ = 0, stride_ = 0, n_ = 0, block_ = 1, piece_ = 1;
  float step_ = 0, per_byte_ = 0, low_sum_ = 0;
  AlignedVector<int16_t> steps_, peaks_;
  AlignedVector<uint8_t> bytes_;
  std::vector<int16_t> low_, peak_, threshold_;
  std::vector<uint8_t> floor_;
  std::vector<uint16_t> factor_;
  std::vector<Scratch> scratch_;
  std::vector<int32_t> probed_;
  std::vector<std::vector<int32_t>> probed_in_;  // by piece
};

}  // namespace latelight

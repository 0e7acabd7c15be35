// From ragged documents to scores: tiles, documents, threads. Knows no instruction set.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "buffer.hpp"
#include "kernel.hpp"
#include "pack.hpp"
#include "parallel.hpp"
#include "platform.hpp"

namespace latelight {

constexpr float lowest = -std::numeric_limits<float>::infinity();
constexpr float largest_scale = 1e30F;
constexpr int tile_bytes = 16 * 1024;       // of prepared rows; stays in the first-level cache
constexpr int most_tile_rows = 64;
constexpr int ahead_bytes = 16 * 1024;      // between a row in hand and the row being fetched
constexpr int64_t fewest_share_rows = 1024;  // fewer are not worth another thread

struct Documents {
  const char* values;      // (n_rows, dim)
  int value_bytes;
  const float* scales;     // (n_rows,) or null
  const int64_t* offsets;  // (n_documents + 1,)
  const int64_t* chosen;   // (n,) ordinals, or null for the first n documents
  int64_t n_rows;
  int64_t n;
  int dim;

  int64_t ordinal(int64_t i) const { return chosen ? chosen[i] : i; }
  int64_t begin(int64_t i) const { return offsets[ordinal(i)]; }
  int64_t end(int64_t i) const { return offsets[ordinal(i) + 1]; }
};

struct Output {
  float* scores;        // (n,) or null
  int32_t* winners;     // (n, n_query) or null
  float* similarities;  // (n, n_query), beside winners
};

// Returns the first place whose document has no valid span of rows, else -1.
inline int64_t first_invalid(const Documents& documents) {
  for (int64_t i = 0; i < documents.n; ++i) {
    const int64_t begin = documents.begin(i), end = documents.end(i);
    if (begin < 0 || end < begin || end > documents.n_rows) return i;
  }
  return -1;
}

// What one thread needs to score documents one after the other.
class Scorer {
 public:
  Scorer(const Kernel& kernel, const PackedQuery& query, const Documents& documents,
         const Output& output)
      : kernel_(kernel),
        query_(query),
        documents_(documents),
        output_(output),
        tile_rows_(rows_per_tile(kernel, documents)),
        prepared_(static_cast<size_t>(tile_rows_) * documents.dim * kernel.prepared_bytes),
        scales_(tile_rows_),
        best_(query.n_lanes()),
        winners_(query.n_lanes()) {}

  void score(int64_t i) const {
    std::fill_n(best_.get(), query_.n_lanes(), lowest);
    if (output_.winners) std::fill_n(winners_.get(), query_.n_lanes(), -1);
    const int64_t begin = documents_.begin(i), end = documents_.end(i);
    for (int64_t row = begin; row < end; row += tile_rows_) {
      score_tile(row, static_cast<int>(std::min<int64_t>(tile_rows_, end - row)),
                 static_cast<int>(row - begin), stored(row_ahead(row, i)));
    }
    output_.scores ? write_score(i) : write_winners(i);
  }

 private:
  static int rows_per_tile(const Kernel& kernel, const Documents& documents) {
    const int row_bytes = documents.dim * std::max(kernel.prepared_bytes, documents.value_bytes);
    const int fitting = std::clamp(tile_bytes / row_bytes, 1, most_tile_rows);
    return std::max(fitting / kernel.block_rows, 1) * kernel.block_rows;
  }

  int row_bytes() const { return documents_.dim * documents_.value_bytes; }

  const char* stored(int64_t row) const { return documents_.values + row * row_bytes(); }

  // The row to fetch while `row` of document `i` is in hand; past its end, of the next one.
  int64_t row_ahead(int64_t row, int64_t i) const {
    const int64_t ahead = row + ahead_bytes / row_bytes(), past = ahead - documents_.end(i);
    return past < 0 || i + 1 >= documents_.n ? ahead : documents_.begin(i + 1) + past;
  }

  void score_tile(int64_t row, int n_rows, int first_row, const char* ahead) const {
    const Tile tile{prepared(stored(row), n_rows), usable_scales(row, n_rows), n_rows, first_row,
                    ahead};
    kernel_.score(query_.view(), tile, {best_.get(), output_.winners ? winners_.get() : nullptr});
  }

  const void* prepared(const char* stored, int n_rows) const {
    if (kernel_.prepared_bytes == 0) return stored;
    kernel_.prepare(stored, int64_t{n_rows} * documents_.dim, prepared_.get());
    return prepared_.get();
  }

  // A scale that cannot be right becomes NaN, so that its row never wins.
  const float* usable_scales(int64_t row, int n_rows) const {
    if (!documents_.scales) return nullptr;
    for (int r = 0; r < n_rows; ++r) {
      const float scale = documents_.scales[row + r];
      scales_[r] = std::fabs(scale) <= largest_scale ? scale : NAN;
    }
    return scales_.get();
  }

  float similarity(int lane) const {
    return best_[lane] == lowest ? lowest : best_[lane] * query_.scales()[lane];
  }

  void write_score(int64_t i) const {
    double sum = 0;
    for (int lane = 0; lane < query_.n_query(); ++lane) sum += similarity(lane);
    output_.scores[i] = static_cast<float>(sum);
  }

  void write_winners(int64_t i) const {
    const int n_query = query_.n_query();
    for (int lane = 0; lane < n_query; ++lane) {
      output_.winners[i * n_query + lane] = winners_[lane];
      output_.similarities[i * n_query + lane] = similarity(lane);
    }
  }

  const Kernel& kernel_;
  const PackedQuery& query_;
  const Documents& documents_;
  const Output& output_;
  int tile_rows_;
  Buffer<char> prepared_;
  Buffer<float> scales_;
  Buffer<float> best_;
  Buffer<int32_t> winners_;
};

// Returns where to cut the documents so that the shares hold about as many rows each.
inline std::vector<int64_t> shares_of(const Documents& documents, int n_threads) {
  int64_t n_rows = 0;
  for (int64_t i = 0; i < documents.n; ++i) n_rows += documents.end(i) - documents.begin(i);
  const int64_t share = std::max(n_rows / (int64_t{n_threads} * 8), fewest_share_rows);
  std::vector<int64_t> cuts{0};
  int64_t taken = 0;
  for (int64_t i = 0; i < documents.n; ++i) {
    taken += documents.end(i) - documents.begin(i);
    if (taken >= share || i + 1 == documents.n) {
      cuts.push_back(i + 1);
      taken = 0;
    }
  }
  return cuts;
}

// Scores every document; threads take the next share when they are done with theirs.
inline void score_all(const Kernel& kernel, const PackedQuery& query, const Documents& documents,
                      const Output& output, int n_threads) {
  const std::vector<int64_t> cuts = shares_of(documents, n_threads);
  const int64_t n_shares = static_cast<int64_t>(cuts.size()) - 1;
  std::vector<Scorer> scorers;
  const int n_workers = static_cast<int>(std::min<int64_t>(n_threads, n_shares));
  scorers.reserve(n_workers);
  for (int w = 0; w < n_workers; ++w) scorers.emplace_back(kernel, query, documents, output);
  share_out(n_shares, n_workers, [&](int worker, int64_t share) {
    for (int64_t i = cuts[share]; i < cuts[share + 1]; ++i) scorers[worker].score(i);
  });
}

}  // namespace latelight

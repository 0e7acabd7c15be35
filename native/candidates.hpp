// Approximate search of coded segments: table, probe, approximate, residual and exact scores.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <numeric>
#include <vector>

#include "buffer.hpp"
#include "coded_rows.hpp"
#include "driver.hpp"
#include "isas.hpp"
#include "parallel.hpp"
#include "probe.hpp"
#include "rerank.hpp"
#include "table.hpp"

namespace latelight {

// Bytes that a row's centroid may lie below the unit's best in every lane without being passed over
// by the residual score: .06 of similarity where exact scores follow, for a row that more would add
// seldom wins; .15, three deviations of what residuals add, where residual scores are the last word.
constexpr int near_margin = 20, last_margin = 51;
// Units beyond the k best that a stage scores before it passes others over.
constexpr int64_t first_scored = 22, first_exact = 4;
constexpr int64_t units_ahead = 4;         // of the unit in hand, whose centroids are fetched
constexpr int64_t few_units = 8;           // that a thread takes at a time
constexpr int n_stages = 5;                // table, probe, approximate, residual, exact

// One thread's memory and its work on one query after the other; kept between queries, since
// fresh pages are dear.
class Searcher {
 public:
  // Fills `found`, best first, and adds to `micros` what each stage took.
  void search(const Isa& isa, const float* query, const float* rotation, int n_query,
              const std::vector<const Codebook*>& books, const std::vector<CodedRows>& segments,
              const SearchOptions& options, int n_threads, float* micros) {
    found.clear();
    if (segments.empty()) return;
    Clock clock;
    rouse(n_threads);
    const int dim = books[0]->dim;
    turned_.resize(int64_t{n_query} * dim);
    isa.scan.turn(query, n_query, dim, rotation, turned_.data());
    const PackedQuery packed(turned_.data(), n_query, dim, isa.coded);
    const QuerySum sum(turned_.data(), n_query, dim);
    fill_tables(isa, packed, books, options.n_probe, n_threads);
    micros[0] += clock.lap();
    probe_.run(isa, sum, table_of_, segments, int64_t{mean_margin} * options.n_candidates, n_threads,
               found);
    keep_best(found, options.n_candidates, scores_);
    micros[1] += clock.lap();
    approximate(isa, segments, options.n_scored, n_threads);
    micros[2] += clock.lap();
    if (static_cast<int>(scratch_.size()) < n_threads) scratch_.resize(n_threads);
    margin_ = options.n_exact > 0 ? near_margin : last_margin;
    refine(options.n_scored, first_scored, options.k, options.deviations,
           [&](int64_t begin, int64_t end) {
             score_residuals(isa, packed, segments, begin, end, n_threads);
           });
    micros[3] += clock.lap();
    if (options.n_exact > 0) {
      const Reranker reranker(isa, query, n_query, segments);
      // Where only codes are stored whoever asked decodes all these.
      const int k = reranker.has_rows() ? options.k : 0;
      refine(options.n_exact, first_exact, k, options.deviations,
             [&](int64_t begin, int64_t end) { reranker.score(found, begin, end, n_threads); });
    }
    std::sort(found.begin(), found.end(), better);
    micros[4] += clock.lap();
  }

  std::vector<Found> found;

 private:
  class Clock {
   public:
    float lap() {
      const auto now = std::chrono::steady_clock::now();
      const std::chrono::duration<float, std::micro> taken = now - last_;
      last_ = now;
      return taken.count();
    }

   private:
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  };

  // One table for each codebook, however many segments share it.
  void fill_tables(const Isa& isa, const PackedQuery& query,
                   const std::vector<const Codebook*>& books, int n_probe, int n_threads) {
    table_of_.clear();
    if (tables_.size() < books.size()) tables_.resize(books.size());
    for (size_t s = 0; s < books.size(); ++s) {
      const auto same = std::find(books.begin(), books.begin() + s, books[s]) - books.begin();
      if (same == static_cast<std::ptrdiff_t>(s)) {
        tables_[s].fill(isa, query, *books[s], n_probe, n_threads);
      }
      table_of_.push_back(&tables_[same]);
    }
  }

  // Scores the candidates by the centroids of all their rows, unless all of them go on anyway.
  void approximate(const Isa& isa, const std::vector<CodedRows>& segments, int n_scored,
                   int n_threads) {
    const auto n = static_cast<int64_t>(found.size());
    if (n <= n_scored) return;
    share_out((n + few_units - 1) / few_units, n_threads, [&](int, int64_t piece) {
      const int64_t end = std::min(n, (piece + 1) * few_units);
      for (int64_t i = piece * few_units; i < end; ++i) {
        if (i + units_ahead < n) {
          const Found& later = found[i + units_ahead];
          fetch_centroids(segments[later.segment], later.unit);
        }
        found[i].score = centroid_score(isa, segments[found[i].segment], found[i]);
      }
    });
    keep_best(found, n_scored, scores_);
  }

  float centroid_score(const Isa& isa, const CodedRows& rows, const Found& one) const {
    const Table& table = *table_of_[one.segment];
    const int64_t begin = rows.row_offsets[one.unit], end = rows.row_offsets[one.unit + 1];
    const int sum = isa.scan.total_of(rows.centroid_of + begin, end - begin, table.n_centroids(),
                                      table.bytes(), table.stride());
    return table.similarity(sum) + one.mean_part;
  }

  // What one thread needs to score residuals.
  struct Scratch {
    AlignedVector<char> prepared;
    AlignedVector<float> lanes;
    std::vector<int32_t> places;
  };

  // Scores the best, at most `n_most`, and drops the others. After the k best and `n_more` those are
  // passed over that cannot be expected among the k any more.
  template <class Score>
  void refine(int64_t n_most, int64_t n_more, int64_t k, double deviations, const Score& score) {
    std::sort(found.begin(), found.end(), better);
    auto n = std::min(n_most, static_cast<int64_t>(found.size()));
    const int64_t n_first = k > 0 ? std::min(n, k + n_more) : n;
    scores_.clear();
    for (int64_t i = 0; i < n_first; ++i) scores_.push_back(found[i].score);
    found.resize(n);
    score(0, n_first);
    if (n_first < n) {
      n = n_promising(found, scores_, n_first, k, deviations);
      score(n_first, n);
      found.resize(n);
    }
  }

  void score_residuals(const Isa& isa, const PackedQuery& query,
                       const std::vector<CodedRows>& segments, int64_t begin, int64_t end,
                       int n_threads) {
    share_out(end - begin, n_threads, [&](int worker, int64_t piece) {
      const int64_t i = begin + piece;
      if (i + n_threads < end) {
        const Found& next = found[i + n_threads];
        fetch_codes(segments[next.segment], next.unit, query.view().dim);
      }
      Found& one = found[i];
      const CodedRows& rows = segments[one.segment];
      one.score = residual_score(isa, query, rows, one, scratch_[worker]) + one.mean_part;
    });
  }

  // Asks for what the next residual score reads: candidates lie far apart.
  static LATELIGHT_INLINE void fetch_codes(const CodedRows& rows, int64_t unit, int dim) {
    const int64_t begin = rows.row_offsets[unit], end = rows.row_offsets[unit + 1];
    const int row_bytes = dim * rows.bits / 8;
    fetch_span(rows.codes + begin * row_bytes, rows.codes + end * row_bytes);
    fetch_span(rows.code_scales + begin, rows.code_scales + end);
    fetch_centroids(rows, unit);
  }

  static LATELIGHT_INLINE void fetch_centroids(const CodedRows& rows, int64_t unit) {
    fetch_span(rows.centroid_of + rows.row_offsets[unit],
               rows.centroid_of + rows.row_offsets[unit + 1]);
  }

  float residual_score(const Isa& isa, const PackedQuery& query, const CodedRows& rows,
                       const Found& one, Scratch& scratch) const {
    const Table& table = *table_of_[one.segment];
    const int64_t begin = rows.row_offsets[one.unit], n = rows.row_offsets[one.unit + 1] - begin;
    scratch.places.resize(n);
    int64_t n_near =
        isa.scan.near_best(rows.centroid_of + begin, n, table.n_centroids(), table.bytes(),
                           table.stride(), margin_, scratch.places.data());
    if (n_near == 0) {  // all lie too far away for bytes to tell
      std::iota(scratch.places.begin(), scratch.places.end(), 0);
      n_near = n;
    }
    scratch.lanes.assign(query.n_lanes(), lowest);
    for (int64_t i = 0; i < n_near; i += most_tile_rows) {
      const int n_rows = static_cast<int>(std::min<int64_t>(most_tile_rows, n_near - i));
      score_tile(isa, query, rows, begin, static_cast<int>(i), n_rows, table, scratch);
    }
    double sum = 0;
    for (int lane = 0; lane < query.n_query(); ++lane) {
      sum += scratch.lanes[lane] * query.scales()[lane];
    }
    return static_cast<float>(sum);
  }

  static void score_tile(const Isa& isa, const PackedQuery& query, const CodedRows& rows,
                         int64_t begin, int first, int n_rows, const Table& table,
                         Scratch& scratch) {
    const int32_t* places = scratch.places.data() + first;
    const int dim = query.view().dim;
    const uint8_t* codes = rows.codes + begin * dim * rows.bits / 8;
    scratch.prepared.resize(int64_t{most_tile_rows} * dim * isa.coded.prepared_bytes);
    isa.scan.unpack(codes, places, n_rows, rows.bits, dim, rows.levels,
                    scratch.prepared.data());
    std::array<float, most_tile_rows> scales{};
    std::array<const int16_t*, most_tile_rows> bases{};
    for (int r = 0; r < n_rows; ++r) {
      const int64_t row = begin + places[r];
      scales[r] = rows.scale_of_code[rows.code_scales[row]];
      bases[r] = table.steps(std::min<int>(rows.centroid_of[row], table.n_centroids() - 1));
      fetch(reinterpret_cast<const char*>(bases[r]));
    }
    const Tile tile{scratch.prepared.data(), scales.data(), n_rows, 0,
                    reinterpret_cast<const char*>(codes), bases.data(), table.step()};
    isa.coded.score(query.view(), tile, {scratch.lanes.data(), nullptr});
  }

  std::vector<float> turned_;
  std::vector<Table> tables_;
  std::vector<const Table*> table_of_;  // by segment
  Probe probe_;
  std::vector<Scratch> scratch_;
  int margin_ = last_margin;
  std::vector<float> scores_;
};

// Many queries, each a run of rows.
struct Queries {
  const float* rows;         // (offsets[n], dim)
  const float* rotation;     // (dim, dim), into the codebooks' space
  const int64_t* offsets;    // (n + 1,)
  int64_t n;
  int dim;
};

struct SearchOutput {
  int32_t* segments;  // (n, k)
  int32_t* units;     // (n, k)
  float* scores;      // (n, k)
  int64_t* counts;    // (n,)
  float* micros;      // (n, n_stages)
  int64_t k;
};

inline void search_one(Searcher& searcher, const Isa& isa, const Queries& queries, int64_t i,
                       const std::vector<const Codebook*>& books,
                       const std::vector<CodedRows>& segments, const SearchOptions& options,
                       int n_threads, const SearchOutput& out) {
  const int64_t first = queries.offsets[i];
  searcher.search(isa, queries.rows + first * queries.dim, queries.rotation,
                  static_cast<int>(queries.offsets[i + 1] - first), books, segments, options,
                  n_threads, out.micros + i * n_stages);
  const auto n = std::min<int64_t>(out.k, static_cast<int64_t>(searcher.found.size()));
  for (int64_t j = 0; j < n; ++j) {
    const Found& one = searcher.found[j];
    out.segments[i * out.k + j] = one.segment;
    out.units[i * out.k + j] = one.unit;
    out.scores[i * out.k + j] = one.score;
  }
  out.counts[i] = n;
}

inline void search_all(const Isa& isa, const Queries& queries,
                       const std::vector<const Codebook*>& books,
                       const std::vector<CodedRows>& segments, const SearchOptions& options,
                       const SearchOutput& out, int n_threads) {
  // One query has the threads to itself; several have one each.
  const int n_within = queries.n == 1 ? n_threads : 1;
  share_out(queries.n, n_threads, [&](int, int64_t i) {
    static thread_local Searcher searcher;
    search_one(searcher, isa, queries, i, books, segments, options, n_within, out);
  });
}

}  // namespace latelight

// Approximate search of coded segments: probe, approximate score, residual score, exact rerank.
//
// A row is centroid + mean of its unit's residuals + scale * code, all in the rotated space. For a
// query row q, q . row = q . centroid + q . mean + scale * (q . code): the first comes from a table
// over centroids, the second is the same for all rows of a unit and is added to its sum once, the
// third is an integer product. `kernels/reference_search.py` states the arithmetic.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <vector>

#include "driver.hpp"
#include "isas.hpp"
#include "parallel.hpp"
#include "table.hpp"

namespace latelight {

constexpr int mean_margin = 4;             // times the candidates get their mean's part
// Bytes that a row's centroid may lie below the unit's best in every lane without being passed over
// by the residual score: .15 of similarity, three deviations of what residuals add.
constexpr int residual_margin = 51;
constexpr int64_t fewest_shared_rows = 16'384;  // starting a thread costs as much as 1,000 rows
constexpr int n_stages = 5;                // table, probe, approximate, residual, exact

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
};

struct Found {
  float score;
  int32_t segment;
  int32_t unit;
};

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
    const int dim = books[0]->dim;
    turned_.resize(int64_t{n_query} * dim);
    isa.scan.turn(query, n_query, dim, rotation, turned_.data());
    const PackedQuery packed(turned_.data(), n_query, dim, isa.coded);
    sum_query(turned_.data(), n_query, dim);
    fill_tables(isa, packed, books, options.n_probe);
    micros[0] += clock.lap();
    for (size_t s = 0; s < segments.size(); ++s) {
      probe(isa, segments[s], static_cast<int32_t>(s), options.n_candidates);
      keep_best(found, options.n_candidates, scores_);
    }
    micros[1] += clock.lap();
    approximate(isa, segments, options.n_scored);
    micros[2] += clock.lap();
    const int n_sharing = n_rows_of(found, segments) < fewest_shared_rows ? 1 : n_threads;
    score_residuals(isa, packed, segments, n_sharing);
    micros[3] += clock.lap();
    rerank(isa, query, n_query, segments, options.n_exact, n_sharing);
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

  // The query's rows added up, as int8 codes: their product with a mean is the mean's part.
  void sum_query(const float* query, int n_query, int dim) {
    std::vector<float> sum(dim, 0.0F);
    for (int i = 0; i < n_query; ++i) {
      for (int d = 0; d < dim; ++d) sum[d] += query[int64_t{i} * dim + d];
    }
    float peak = 0;
    for (const float x : sum) peak = std::max(peak, std::fabs(x));
    sum_scale_ = peak < 1e-30F ? 0.0F : peak / 127.0F;
    sum_codes_.resize(dim);
    for (int d = 0; d < dim; ++d) {
      sum_codes_[d] = static_cast<int8_t>(sum_scale_ > 0 ? nearest(sum[d] / sum_scale_) : 0.0F);
    }
  }

  float mean_part(const Isa& isa, const CodedRows& rows, int64_t unit) const {
    const int dim = static_cast<int>(sum_codes_.size());
    int32_t product = 0;
    isa.scan.dots(sum_codes_.data(), rows.means + unit * dim, 1, dim, &product);
    return static_cast<float>(product) * sum_scale_ * rows.mean_scales[unit];
  }

  static bool is_allowed(const CodedRows& rows, int64_t unit) {
    const int64_t begin = rows.row_offsets[unit], end = rows.row_offsets[unit + 1];
    if (begin < 0 || end <= begin || end > rows.n_rows) return false;  // no rows, or damaged
    return !rows.allowed || (rows.allowed[unit / 64] >> (unit % 64) & 1);
  }

  // One table for each codebook, however many segments share it.
  void fill_tables(const Isa& isa, const PackedQuery& query,
                   const std::vector<const Codebook*>& books, int n_probe) {
    table_of_.clear();
    size_t n_filled = 0;
    for (size_t s = 0; s < books.size(); ++s) {
      const auto same = std::find(books.begin(), books.begin() + s, books[s]);
      if (same != books.begin() + s) {
        table_of_.push_back(table_of_[same - books.begin()]);
        continue;
      }
      if (tables_.size() == n_filled) tables_.emplace_back();
      tables_[n_filled].fill(isa, query, *books[s], n_probe);
      table_of_.push_back(n_filled++);
    }
  }

  void probe(const Isa& isa, const CodedRows& rows, int32_t segment, int n_candidates) {
    const Table& table = tables_[table_of_[segment]];
    const int stride = table.stride();
    best_.assign(rows.n_units * stride, 0);
    // Testing units in the lists pays when few are allowed; else a wrong guess costs more than a
    // raise that nobody will look at.
    const uint64_t* tested = few_allowed(rows) ? rows.allowed : nullptr;
    table.each_probed(isa, [&](int c) {
      const int64_t begin = rows.list_offsets[c], end = rows.list_offsets[c + 1];
      if (begin < 0 || end < begin || end > rows.n_listed) return;  // a damaged file
      isa.scan.raise(rows.lists + begin, end - begin, rows.n_units, tested, table.bytes(c), stride,
                     best_.data());
    });
    sums_.resize(rows.n_units);
    isa.scan.totals(best_.data(), table.floor(), stride, rows.n_units, sums_.data());
    for (int64_t u = 0; u < rows.n_units; ++u) sums_[u] = is_allowed(rows, u) ? sums_[u] : -1;
    const int32_t least = least_sum(int64_t{mean_margin} * n_candidates, 255 * stride);
    for (int64_t u = 0; u < rows.n_units; ++u) {
      if (sums_[u] < least) continue;
      found.push_back({table.similarity(sums_[u]) + mean_part(isa, rows, u), segment,
                       static_cast<int32_t>(u)});
    }
  }

  static bool few_allowed(const CodedRows& rows) {
    if (!rows.allowed) return false;
    int64_t n = 0;
    for (int64_t i = 0; i < (rows.n_units + 63) / 64; ++i) n += std::popcount(rows.allowed[i]);
    return n * 8 < rows.n_units;
  }

  // The sum that at least `wanted` allowed units reach: only those are worth reading means for.
  int32_t least_sum(int64_t wanted, int32_t most) {
    histogram_.assign(most + 2, 0);  // the first is for units that are not allowed
    for (const int32_t sum : sums_) ++histogram_[sum + 1];
    int32_t least = most;
    for (int64_t n = histogram_[least + 1]; least > 0 && n < wanted;) n += histogram_[least--];
    return least;
  }

  // Scores the candidates by the centroids of all their rows, unless all of them go on anyway.
  void approximate(const Isa& isa, const std::vector<CodedRows>& segments, int n_scored) {
    if (static_cast<int>(found.size()) <= n_scored) return;
    for (size_t i = 0; i < found.size(); ++i) {
      if (i + 1 < found.size()) fetch_centroids(segments[found[i + 1].segment], found[i + 1].unit);
      Found& one = found[i];
      const CodedRows& rows = segments[one.segment];
      const Table& table = tables_[table_of_[one.segment]];
      const int64_t begin = rows.row_offsets[one.unit], end = rows.row_offsets[one.unit + 1];
      const int sum =
          isa.scan.total_of(rows.centroid_of + begin, end - begin, table.n_centroids(),
                            table.bytes(), table.stride());
      one.score = table.similarity(sum) + mean_part(isa, rows, one.unit);
    }
    keep_best(found, n_scored, scores_);
  }

  static int64_t n_rows_of(const std::vector<Found>& found,
                           const std::vector<CodedRows>& segments) {
    int64_t n_rows = 0;
    for (const Found& one : found) {
      const int64_t* offsets = segments[one.segment].row_offsets + one.unit;
      n_rows += offsets[1] - offsets[0];
    }
    return n_rows;
  }

  // What one thread needs to score residuals.
  struct Scratch {
    std::vector<char> prepared;
    std::vector<float> lanes;
    std::vector<int32_t> places;
  };

  void score_residuals(const Isa& isa, const PackedQuery& query,
                       const std::vector<CodedRows>& segments, int n_threads) {
    if (static_cast<int>(scratch_.size()) < n_threads) scratch_.resize(n_threads);
    const auto n = static_cast<int64_t>(found.size());
    share_out(n, n_threads, [&](int worker, int64_t i) {
      if (i + n_threads < n) {
        const Found& next = found[i + n_threads];
        fetch_codes(segments[next.segment], next.unit, query.view().dim);
      }
      Found& one = found[i];
      const CodedRows& rows = segments[one.segment];
      one.score =
          residual_score(isa, query, rows, one, scratch_[worker]) + mean_part(isa, rows, one.unit);
    });
  }

  // Asks for what the next residual score reads: candidates lie far apart.
  static void fetch_codes(const CodedRows& rows, int64_t unit, int dim) {
    const int64_t begin = rows.row_offsets[unit], end = rows.row_offsets[unit + 1];
    const int row_bytes = dim * rows.bits / 8;
    fetch_span(rows.codes + begin * row_bytes, rows.codes + end * row_bytes);
    fetch_span(rows.code_scales + begin, rows.code_scales + end);
    fetch_centroids(rows, unit);
  }

  static void fetch_centroids(const CodedRows& rows, int64_t unit) {
    fetch_span(rows.centroid_of + rows.row_offsets[unit],
               rows.centroid_of + rows.row_offsets[unit + 1]);
  }

  template <class T>
  static void fetch_span(const T* begin, const T* end) {
    const auto* to = reinterpret_cast<const char*>(end);
    for (const auto* at = reinterpret_cast<const char*>(begin); at < to; at += 64) fetch(at);
  }

  float residual_score(const Isa& isa, const PackedQuery& query, const CodedRows& rows,
                       const Found& one, Scratch& scratch) const {
    const Table& table = tables_[table_of_[one.segment]];
    const int64_t begin = rows.row_offsets[one.unit], n = rows.row_offsets[one.unit + 1] - begin;
    scratch.places.resize(n);
    int64_t n_near =
        isa.scan.near_best(rows.centroid_of + begin, n, table.n_centroids(), table.bytes(),
                           table.stride(), residual_margin, scratch.places.data());
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

  // Scores the best with the stored rows, segment by segment, and drops the others.
  void rerank(const Isa& isa, const float* query, int n_query,
              const std::vector<CodedRows>& segments, int n_exact, int n_threads) {
    if (n_exact <= 0) return;
    keep_best(found, n_exact, scores_);
    for (size_t s = 0; s < segments.size(); ++s) {
      Documents documents = segments[s].exact;
      if (!documents.values) continue;
      std::vector<int64_t> chosen;
      std::vector<size_t> places;
      for (size_t i = 0; i < found.size(); ++i) {
        if (found[i].segment != static_cast<int32_t>(s)) continue;
        chosen.push_back(found[i].unit);
        places.push_back(i);
      }
      if (chosen.empty()) continue;
      std::vector<float> scores(chosen.size());
      documents.chosen = chosen.data();
      documents.n = static_cast<int64_t>(chosen.size());
      const Kernel& kernel = kernel_for(isa, segments[s].exact_form);
      const PackedQuery packed(query, n_query, documents.dim, kernel);
      score_all(kernel, packed, documents, {scores.data(), nullptr, nullptr}, n_threads);
      for (size_t i = 0; i < places.size(); ++i) found[places[i]].score = scores[i];
    }
  }

  std::vector<float> turned_;
  std::vector<Table> tables_;
  std::vector<size_t> table_of_;  // by segment
  std::vector<uint8_t> best_;
  std::vector<int32_t> sums_, histogram_;
  std::vector<int8_t> sum_codes_;
  float sum_scale_ = 0;
  std::vector<Scratch> scratch_;
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

// The second stage of an approximate search: every unit's sum by the lists of probed centroids.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "buffer.hpp"
#include "coded_rows.hpp"
#include "parallel.hpp"
#include "table.hpp"

namespace latelight {

constexpr int mean_margin = 8;                // times the candidates get their mean's part
constexpr int64_t most_span_units = 16'384;   // whose bytes, of 32 query rows, stay in the second cache
constexpr int64_t fewest_span_units = 1'024;  // a span costs some time for every list
constexpr int lists_ahead = 6;                // between a list in hand and the list being fetched
constexpr int most_fetched = 256;             // units of a list; the processor guesses the rest

// The memory of probes, kept between queries.
class Probe {
 public:
  // Appends to `found` the units with the best sums, at least `n_wanted` of them where so many are
  // allowed, with their means added.
  void run(const Isa& isa, const QuerySum& query, const std::vector<const Table*>& tables,
           const std::vector<CodedRows>& segments, int64_t n_wanted, int n_threads,
           std::vector<Found>& found) {
    cut(segments, n_threads);
    choose_offsets(tables);
    if (static_cast<int>(workers_.size()) < n_threads) workers_.resize(n_threads);
    for (Worker& worker : workers_) worker.histogram.assign(n_sums_ + 1, 0);
    const auto n_spans = static_cast<int64_t>(spans_.size());
    share_out(n_spans, n_threads, [&](int worker, int64_t i) {
      const Span& span = spans_[i];
      add_up(isa, segments[span.segment], *tables[span.segment], span, workers_[worker]);
    });
    const int32_t least = least_sum(n_wanted);
    if (found_in_.size() < spans_.size()) found_in_.resize(n_spans);
    share_out(n_spans, n_threads, [&](int, int64_t i) {
      const Span& span = spans_[i];
      collect(isa, query, segments[span.segment], *tables[span.segment], least, span, found_in_[i]);
    });
    for (int64_t i = 0; i < n_spans; ++i) {
      found.insert(found.end(), found_in_[i].begin(), found_in_[i].end());
    }
  }

 private:
  // Neighbouring units of a segment.
  struct Span {
    int32_t segment;
    int64_t begin, end;
    int64_t first;       // the place of its first sum
    int32_t offset = 0;  // what makes its sums comparable with those by another codebook
  };

  struct Worker {
    AlignedVector<uint8_t> best;
    std::vector<int32_t> histogram;  // of sums + 1; the first is for units that are not open
  };

  // Cuts the segments into as few spans as give every thread its part.
  void cut(const std::vector<CodedRows>& segments, int n_threads) {
    int64_t n_units = 0, first = 0;
    for (const CodedRows& rows : segments) n_units += rows.n_units;
    const int64_t part = std::max((n_units + n_threads - 1) / n_threads, fewest_span_units);
    spans_.clear();
    for (size_t s = 0; s < segments.size(); ++s) {
      for (int64_t begin = 0, end = 0; begin < segments[s].n_units; begin = end) {
        const int64_t room = std::min(part - first % part, most_span_units);
        end = std::min(begin + room, segments[s].n_units);
        spans_.push_back({static_cast<int32_t>(s), begin, end, first});
        first += end - begin;
      }
    }
    sums_.resize(first);
  }

  // Codebooks put byte 0 at similarities of their own.
  void choose_offsets(const std::vector<const Table*>& tables) {
    float lowest_zero = tables[0]->similarity(0);
    for (const Table* table : tables) lowest_zero = std::min(lowest_zero, table->similarity(0));
    n_sums_ = 0;
    for (Span& span : spans_) {
      const Table& table = *tables[span.segment];
      const int most = 255 * table.stride();
      const float bytes = table.bytes_of(table.similarity(0) - lowest_zero);
      span.offset = static_cast<int32_t>(std::min(bytes, static_cast<float>(most)));
      n_sums_ = std::max(n_sums_, span.offset + most + 1);
    }
  }

  void add_up(const Isa& isa, const CodedRows& rows, const Table& table, const Span& span,
              Worker& worker) {
    const int64_t n = span.end - span.begin;
    worker.best.assign(n * table.stride(), 0);
    // Testing units in the lists pays when few are allowed; else a wrong guess costs more than a
    // raise that nobody will look at.
    const uint64_t* tested = few_allowed(rows) ? rows.allowed : nullptr;
    const std::vector<int32_t>& probed = table.probed();
    const auto n_probed = static_cast<int64_t>(probed.size());
    for (int64_t i = 0; i < n_probed; ++i) {
      if (i + 2 * lists_ahead < n_probed) {
        fetch(reinterpret_cast<const char*>(rows.list_offsets + probed[i + 2 * lists_ahead]));
      }
      if (i + lists_ahead < n_probed) fetch_list(rows, probed[i + lists_ahead], span);
      const auto [first, last] = list_within(rows, probed[i], span);
      isa.scan.raise(first, last - first, span.begin, n, tested, table.bytes(probed[i]),
                     table.stride(), worker.best.data());
    }
    int32_t* sums = sums_.data() + span.first;
    isa.scan.totals(worker.best.data(), table.floor(), table.stride(), n, sums);
    for (int64_t i = 0; span.offset > 0 && i < n; ++i) sums[i] += span.offset;
    close_units(rows, span, sums);
    for (int64_t i = 0; i < n; ++i) ++worker.histogram[sums[i] + 1];
  }

  // Marks units without rows and those that are not allowed.
  static void close_units(const CodedRows& rows, const Span& span, int32_t* sums) {
    for (int64_t word = span.begin / 64; word * 64 < span.end; ++word) {
      uint64_t closed = ~(rows.filled[word] & (rows.allowed ? rows.allowed[word] : ~uint64_t{0}));
      for (; closed; closed &= closed - 1) {
        const int64_t unit = word * 64 + std::countr_zero(closed);
        if (unit >= span.begin && unit < span.end) sums[unit - span.begin] = -1;
      }
    }
  }

  // Units of a list.
  struct Part {
    const uint16_t *first, *last;
  };

  static Part list_of(const CodedRows& rows, int centroid) {
    const int64_t begin = rows.list_offsets[centroid], end = rows.list_offsets[centroid + 1];
    if (begin < 0 || end < begin || end > rows.n_listed) return {rows.lists, rows.lists};  // damaged
    return {rows.lists + begin, rows.lists + end};
  }

  // The units of a list that lie in a span.
  static Part list_within(const CodedRows& rows, int centroid, const Span& span) {
    Part list = list_of(rows, centroid);
    if (span.begin > 0) list.first = std::lower_bound(list.first, list.last, span.begin);
    if (span.end < rows.n_units) list.last = std::lower_bound(list.first, list.last, span.end);
    return list;
  }

  // Asks for the first lines of a list within a span, as near as units that lie evenly tell.
  static LATELIGHT_INLINE void fetch_list(const CodedRows& rows, int centroid, const Span& span) {
    const Part list = list_of(rows, centroid);
    const uint16_t* first = list.first + (list.last - list.first) * span.begin / rows.n_units;
    const uint16_t* last = list.first + (list.last - list.first) * span.end / rows.n_units;
    fetch_span(first, std::min(last, first + most_fetched));
  }

  static bool few_allowed(const CodedRows& rows) {
    if (!rows.allowed) return false;
    int64_t n = 0;
    for (int64_t i = 0; i < (rows.n_units + 63) / 64; ++i) n += std::popcount(rows.allowed[i]);
    return n * 8 < rows.n_units;
  }

  // The sum that at least `wanted` allowed units reach: only those are worth reading means for.
  int32_t least_sum(int64_t wanted) const {
    int32_t least = n_sums_;
    for (int64_t n = 0; least > 0 && n < wanted;) {
      --least;
      for (const Worker& worker : workers_) n += worker.histogram[least + 1];
    }
    return least;
  }

  void collect(const Isa& isa, const QuerySum& query, const CodedRows& rows, const Table& table,
               int32_t least, const Span& span, std::vector<Found>& found) const {
    found.clear();
    const int32_t* sums = sums_.data() + span.first;
    for (int64_t i = 0; i < span.end - span.begin; ++i) {
      if (sums[i] < least) continue;
      const int64_t unit = span.begin + i;
      query.fetch_mean(rows, unit);
      found.push_back(
          {table.similarity(sums[i] - span.offset), span.segment, static_cast<int32_t>(unit)});
    }
    for (Found& one : found) {
      one.mean_part = query.with_mean(isa, rows, one.unit);
      one.score += one.mean_part;
    }
  }

  std::vector<Span> spans_;
  std::vector<std::vector<Found>> found_in_;  // by span
  std::vector<int32_t> sums_;
  std::vector<Worker> workers_;
  int32_t n_sums_ = 0;
};

}  // namespace latelight

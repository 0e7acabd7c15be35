// Checks approximate search: every path finds what the portable one finds, with any number of threads.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "../candidates.hpp"
#include "../isas.hpp"

namespace latelight {

// A segment of random codes, a codebook, and a query.
struct RandomSegment {
  int n_units, dim, bits, n_query;
  int64_t n_rows = 0;
  std::vector<int64_t> offsets{0}, list_offsets{0};
  std::vector<int8_t> centroids, means, stored;
  std::vector<uint8_t> codes, code_scales, levels;
  std::vector<uint16_t> centroid_of, lists;
  std::vector<uint64_t> filled;
  std::vector<float> scales, mean_scales, scale_of_code, stored_scales, rotation, query;
  Codebook book{};

  RandomSegment(int n_units, int most_rows, int dim, int bits, int n_query)
      : n_units(n_units), dim(dim), bits(bits), n_query(n_query), bytes_(7) {
    for (int u = 0; u < n_units; ++u) offsets.push_back(offsets.back() + bytes_() % most_rows);
    n_rows = offsets.back();
    filled = filled_units(offsets.data(), n_units, n_rows);
    fill(centroids, int64_t{n_centroids} * dim);
    fill(means, int64_t{n_units} * dim);
    fill(codes, n_rows * dim * bits / 8);
    fill(code_scales, n_rows);
    fill(stored, n_rows * dim);
    fill(levels, 16);
    for (auto& level : levels) level = std::max<uint8_t>(level, 1);
    make_lists();
    make_numbers();
    book = Codebook::of(centroids.data(), scales.data(), n_centroids, dim);
  }

  CodedRows rows() const {
    const Documents exact{reinterpret_cast<const char*>(stored.data()), 1,
                          stored_scales.data(), offsets.data(), nullptr, n_rows, n_units, dim};
    return {centroid_of.data(), codes.data(),  code_scales.data(), offsets.data(),
            means.data(),       mean_scales.data(), list_offsets.data(), lists.data(),
            scale_of_code.data(), filled.data(), nullptr, exact, "i8", n_units, n_rows,
            static_cast<int64_t>(lists.size()), bits, levels.data()};
  }

  // What one path finds in the segment, twice.
  std::vector<Found> found(const Isa& isa, const SearchOptions& options, int n_threads) const {
    Searcher searcher;
    std::vector<float> micros(n_stages);
    searcher.search(isa, query.data(), rotation.data(), n_query, {&book, &book}, {rows(), rows()},
                    options, n_threads, micros.data());
    return searcher.found;
  }

 private:
  static constexpr int n_centroids = 50;

  template <class T>
  void fill(std::vector<T>& values, int64_t n) {
    values.resize(n);
    for (auto& x : values) x = static_cast<T>(bytes_());
  }

  void make_lists() {
    for (int64_t r = 0; r < n_rows; ++r) centroid_of.push_back(bytes_() % n_centroids);
    for (int c = 0; c < n_centroids; ++c) {
      for (int u = 0; u < n_units; ++u) {
        const auto begin = centroid_of.begin() + offsets[u], end = centroid_of.begin() + offsets[u + 1];
        if (std::find(begin, end, c) != end) lists.push_back(static_cast<uint16_t>(u));
      }
      list_offsets.push_back(static_cast<int64_t>(lists.size()));
    }
  }

  void make_numbers() {
    scales.assign(n_centroids, 1.0F / 800);
    mean_scales.assign(n_units, 1e-4F);
    stored_scales.assign(n_rows, 1.0F / 800);
    for (int i = 0; i < 256; ++i) scale_of_code.push_back(static_cast<float>(i) * 1e-5F);
    rotation.assign(int64_t{dim} * dim, 0.0F);
    for (int d = 0; d < dim; ++d) rotation[d * dim + (d + 1) % dim] = 1.0F;
    for (int i = 0; i < n_query * dim; ++i) {
      query.push_back(static_cast<float>(static_cast<int>(bytes_() % 2001) - 1000) / 8000);
    }
  }

  std::mt19937 bytes_;
};

// Returns how many scores of a path differ from those of the portable one, each n-th best beside the
// n-th best.
inline int check_search(const Isa& isa, int bits, int dim, int n_query, int n_exact) {
  const RandomSegment segment(40, 90, dim, bits, n_query);
  const SearchOptions options{4, 80, 80, n_exact};
  const std::vector<Found> wanted = segment.found(*find_isa("portable"), options, 1);
  const std::vector<Found> found = segment.found(isa, options, 1);
  if (found.size() != wanted.size()) return 1;
  int wrong = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    wrong += !(std::fabs(found[i].score - wanted[i].score) <= 1e-3F * n_query);
  }
  return wrong;
}

// Returns how many places differ between a search by one thread and by several.
inline int check_threads(const Isa& isa) {
  const RandomSegment segment(3000, 6, 24, 2, 20);
  int wrong = 0;
  for (const int n_exact : {0, 40}) {
    const SearchOptions options{4, 200, 100, n_exact, 10, 2.0};
    const std::vector<Found> alone = segment.found(isa, options, 1);
    const std::vector<Found> shared = segment.found(isa, options, 3);
    if (alone.empty() || alone.size() != shared.size()) return 1;
    for (size_t i = 0; i < alone.size(); ++i) {
      wrong += better(alone[i], shared[i]) || better(shared[i], alone[i]);
    }
  }
  return wrong;
}

}  // namespace latelight

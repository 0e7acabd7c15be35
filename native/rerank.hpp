// The last stage of an approximate search: exact scores by the stored rows.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "coded_rows.hpp"
#include "driver.hpp"
#include "isas.hpp"
#include "parallel.hpp"

namespace latelight {

// One query beside the stored rows of segments.
class Reranker {
 public:
  Reranker(const Isa& isa, const float* query, int n_query, const std::vector<CodedRows>& segments)
      : isa_(isa), segments_(segments) {
    for (const CodedRows& rows : segments) {
      if (!rows.exact.values) continue;
      packed_.try_emplace(&kernel_of(rows), query, n_query, rows.exact.dim, kernel_of(rows));
    }
  }

  // Whether there is anything to score.
  bool has_rows() const { return !packed_.empty(); }

  // Replaces the scores of some of `found`; a unit without stored rows keeps its own.
  void score(std::vector<Found>& found, int64_t begin, int64_t end, int n_threads) const {
    std::vector<Part> parts(segments_.size());
    for (int64_t i = begin; i < end; ++i) {
      Part& part = parts[found[i].segment];
      part.units.push_back(found[i].unit);
      part.places.push_back(i);
    }
    std::vector<Share> shares;
    for (size_t s = 0; s < parts.size(); ++s) add_shares(s, parts[s], n_threads, shares);
    share_out(static_cast<int64_t>(shares.size()), n_threads, [&](int, int64_t i) {
      const Part& part = parts[shares[i].segment];
      const Kernel& kernel = kernel_of(segments_[shares[i].segment]);
      std::vector<float> scores(part.units.size());
      const Output output{scores.data(), nullptr, nullptr};  // a scorer keeps references
      const Scorer scorer(kernel, packed_.at(&kernel), part.documents, output);
      for (int64_t j = shares[i].begin; j < shares[i].end; ++j) {
        scorer.score(j);
        found[part.places[j]].score = scores[j];
      }
    });
  }

 private:
  // What is scored of one segment.
  struct Part {
    std::vector<int64_t> units, places;  // where each stands in `found`
    Documents documents;
  };

  struct Share {
    size_t segment;
    int64_t begin, end;
  };

  const Kernel& kernel_of(const CodedRows& rows) const { return kernel_for(isa_, rows.exact_form); }

  void add_shares(size_t segment, Part& part, int n_threads, std::vector<Share>& shares) const {
    part.documents = segments_[segment].exact;
    if (!part.documents.values || part.units.empty()) return;
    part.documents.chosen = part.units.data();
    part.documents.n = static_cast<int64_t>(part.units.size());
    const std::vector<int64_t> cuts = shares_of(part.documents, n_threads);
    for (size_t i = 0; i + 1 < cuts.size(); ++i) shares.push_back({segment, cuts[i], cuts[i + 1]});
  }

  const Isa& isa_;
  const std::vector<CodedRows>& segments_;
  std::map<const Kernel*, PackedQuery> packed_;
};

}  // namespace latelight

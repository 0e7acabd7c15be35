// The Python face of the kernels. Shapes and types were checked by latelight.kernels.maxsim.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "candidates.hpp"
#include "decode.hpp"
#include "driver.hpp"
#include "isas.hpp"
#include "peak.hpp"
#include "topk.hpp"

namespace nb = nanobind;
using namespace latelight;

template <class T, int n_dims>
using Array = nb::ndarray<T, nb::ndim<n_dims>, nb::c_contig, nb::device::cpu>;
using Values = nb::ndarray<nb::ro, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Ordinals = std::optional<Array<const int64_t, 1>>;
using Scales = std::optional<Array<const float, 1>>;

static const Isa& checked_isa(const std::string& name) {
  const Isa* isa = find_isa(name.c_str());
  if (!isa) throw std::invalid_argument("no such instruction set here: " + name);
  return *isa;
}

static Documents documents_of(const Values& values, const Scales& scales,
                              const Array<const int64_t, 1>& offsets, const Ordinals& chosen) {
  return {static_cast<const char*>(values.data()),
          values.dtype().bits / 8,
          scales ? scales->data() : nullptr,
          offsets.data(),
          chosen ? chosen->data() : nullptr,
          static_cast<int64_t>(values.shape(0)),
          static_cast<int64_t>(chosen ? chosen->shape(0) : offsets.shape(0) - 1),
          static_cast<int>(values.shape(1))};
}

// Returns -1, or the first place whose document has impossible offsets; nothing is scored then.
static int64_t run(const std::string& isa, const Array<const float, 2>& query,
                   const std::string& stored_as, const Documents& documents, int n_threads,
                   const Output& output) {
  const Kernel& kernel = kernel_for(checked_isa(isa), stored_as.c_str());
  nb::gil_scoped_release released;
  const int64_t invalid = first_invalid(documents);
  if (invalid >= 0) return invalid;
  const PackedQuery packed(query.data(), static_cast<int>(query.shape(0)),
                           static_cast<int>(query.shape(1)), kernel);
  score_all(kernel, packed, documents, output, n_threads);
  return -1;
}

static int64_t maxsim(const std::string& isa, Array<const float, 2> query,
                      const std::string& stored_as, Values values, Scales scales,
                      Array<const int64_t, 1> offsets, Ordinals chosen, int n_threads,
                      Array<float, 1> scores) {
  return run(isa, query, stored_as, documents_of(values, scales, offsets, chosen), n_threads,
             {scores.data(), nullptr, nullptr});
}

static int64_t maxsim_argmax(const std::string& isa, Array<const float, 2> query,
                             const std::string& stored_as, Values values, Scales scales,
                             Array<const int64_t, 1> offsets, Ordinals chosen, int n_threads,
                             Array<int32_t, 2> winners, Array<float, 2> similarities) {
  return run(isa, query, stored_as, documents_of(values, scales, offsets, chosen), n_threads,
             {nullptr, winners.data(), similarities.data()});
}

static int64_t best_k(Array<const float, 1> scores, Array<int64_t, 1> best) {
  nb::gil_scoped_release released;
  return top_k(scores.data(), static_cast<int64_t>(scores.shape(0)), best.data(),
               static_cast<int64_t>(best.shape(0)));
}

// Arrays of a coded segment, kept alive; nothing is copied.
struct Coded {
  Array<const int8_t, 2> centroids;
  Array<const float, 1> centroid_scales;
  Array<const uint16_t, 1> centroid_of;
  Array<const uint8_t, 2> codes;
  Array<const uint8_t, 1> code_scales;
  Array<const int64_t, 1> row_offsets;
  Array<const int8_t, 2> means;
  Array<const float, 1> mean_scales;
  Array<const int64_t, 1> list_offsets;
  Array<const uint16_t, 1> lists;
  Array<const float, 1> scale_of_code;
  std::optional<Values> values;
  Scales scales;
  std::string form;
  int bits;
  Array<const int8_t, 1> levels;  // (16,)
  Codebook book = Codebook::of(centroids.data(), centroid_scales.data(),
                               static_cast<int>(centroids.shape(0)),
                               static_cast<int>(centroids.shape(1)));
  std::vector<uint64_t> filled = filled_units(row_offsets.data(), n_units(), n_rows());
  std::array<uint8_t, 16> raised = [this] {
    std::array<uint8_t, 16> all{};
    for (size_t i = 0; i < 16; ++i) all[i] = static_cast<uint8_t>(levels(i) + 128);
    return all;
  }();

  int64_t n_units() const { return static_cast<int64_t>(row_offsets.shape(0)) - 1; }
  int64_t n_rows() const { return static_cast<int64_t>(centroid_of.shape(0)); }

  CodedRows rows(const uint64_t* allowed) const {
    const Documents exact =
        values ? documents_of(*values, scales, row_offsets, std::nullopt) : Documents{};
    return {centroid_of.data(),
            codes.data(),
            code_scales.data(),
            row_offsets.data(),
            means.data(),
            mean_scales.data(),
            list_offsets.data(),
            lists.data(),
            scale_of_code.data(),
            filled.data(),
            allowed,
            exact,
            form.c_str(),
            n_units(),
            n_rows(),
            static_cast<int64_t>(lists.shape(0)),
            bits,
            raised.data()};
  }
};

using Bits = std::optional<Array<const uint64_t, 1>>;

static void search(const std::string& isa, const std::vector<const Coded*>& segments,
                   const std::vector<Bits>& allowed, Array<const float, 2> query,
                   Array<const float, 2> rotation, Array<const int64_t, 1> offsets,
                   const std::vector<int>& options, double deviations, int n_threads,
                   Array<int32_t, 2> out_segments, Array<int32_t, 2> out_units, Array<float, 2> out_scores,
                   Array<int64_t, 1> out_counts, Array<float, 2> out_micros) {
  const Isa& chosen = checked_isa(isa);
  nb::gil_scoped_release released;
  std::vector<const Codebook*> book_of;
  std::vector<CodedRows> rows;
  for (size_t s = 0; s < segments.size(); ++s) {
    const Codebook* book = &segments[s]->book;
    const auto same = [&](const Codebook* other) { return other->centroids == book->centroids; };
    const auto at = std::find_if(book_of.begin(), book_of.end(), same);
    book_of.push_back(at == book_of.end() ? book : *at);
    rows.push_back(segments[s]->rows(allowed[s] ? allowed[s]->data() : nullptr));
  }
  const Queries queries{query.data(), rotation.data(), offsets.data(),
                        static_cast<int64_t>(offsets.shape(0)) - 1,
                        static_cast<int>(query.shape(1))};
  const SearchOutput out{out_segments.data(), out_units.data(),  out_scores.data(),
                         out_counts.data(),   out_micros.data(),
                         static_cast<int64_t>(out_units.shape(1))};
  search_all(chosen, queries, book_of, rows,
             {options[0], options[1], options[2], options[3], options[4], deviations}, out, n_threads);
}

static void decode(const std::string& isa, const Coded& coded, Array<const int64_t, 1> units,
                   Array<const int64_t, 1> starts, float length, int n_threads,
                   Array<float, 2> rows) {
  const Isa& chosen = checked_isa(isa);
  nb::gil_scoped_release released;
  decode_units(chosen, coded.book, coded.rows(nullptr), units.data(), starts.data(),
               static_cast<int64_t>(units.shape(0)), length, rows.data(), n_threads);
}

static nb::tuple isas() {
  nb::list names;
  for (const Isa& isa : isas_here()) names.append(isa.name);
  return nb::tuple(names);
}

static double peak(const std::string& isa, const std::string& stored_as, double seconds) {
  checked_isa(isa);
  nb::gil_scoped_release released;
  return peak_ops(isa, stored_as, seconds);
}

NB_MODULE(_native, m) {
  using namespace nb::literals;
  const auto optional = nb::arg().none();
  m.def("isas", &isas);
  m.def("maxsim", &maxsim, nb::arg(), nb::arg(), nb::arg(), nb::arg(), optional, nb::arg(),
        optional, nb::arg(), nb::arg().noconvert());
  m.def("maxsim_argmax", &maxsim_argmax, nb::arg(), nb::arg(), nb::arg(), nb::arg(), optional,
        nb::arg(), optional, nb::arg(), nb::arg().noconvert(), nb::arg().noconvert());
  nb::class_<Coded>(m, "Coded")
      .def(nb::init<Array<const int8_t, 2>, Array<const float, 1>, Array<const uint16_t, 1>,
                    Array<const uint8_t, 2>, Array<const uint8_t, 1>, Array<const int64_t, 1>,
                    Array<const int8_t, 2>, Array<const float, 1>, Array<const int64_t, 1>,
                    Array<const uint16_t, 1>, Array<const float, 1>, std::optional<Values>, Scales,
                    std::string, int, Array<const int8_t, 1>>(),
           nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(),
           nb::arg(), nb::arg(), nb::arg(), optional, optional, nb::arg(), nb::arg(),
           nb::arg());
  m.def("search", &search);
  m.def("decode", &decode, nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(),
        nb::arg().noconvert());
  m.def("top_k", &best_k, nb::arg(), nb::arg().noconvert());
  m.def("peak", &peak);
}

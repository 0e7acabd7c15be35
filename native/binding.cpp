// The Python face of the kernels. Shapes and types were checked by latelight.kernels.maxsim.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>
#include <stdexcept>
#include <string>

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
  m.def("top_k", &best_k, nb::arg(), nb::arg().noconvert());
  m.def("peak", &peak);
}

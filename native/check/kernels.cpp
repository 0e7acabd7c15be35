// Checks every compiled instruction set against a plain double-precision definition, without
// Python: for paths that this processor cannot run, through an emulator.
//
//   g++ -std=c++20 -O2 -ffp-contract=off -DLATELIGHT_SIMDE native/check/kernels.cpp -pthread    AVX-512 by SIMDe
//   aarch64-linux-gnu-g++ -std=c++20 -O2 -ffp-contract=off -static native/check/kernels.cpp -pthread    then qemu
#include <cmath>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "../candidates.hpp"
#include "../driver.hpp"
#include "../isas.hpp"
#include "pool.hpp"
#include "search.hpp"

using namespace latelight;

namespace {

std::mt19937 random_bits(7);

float random_float() { return std::uniform_real_distribution<float>(-1, 1)(random_bits); }

uint16_t half_of(float x) {  // truncates; small enough magnitudes become zero
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const int exponent = static_cast<int>((bits >> 23) & 255) - 112;
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  if (exponent <= 0) return sign;
  return static_cast<uint16_t>(sign | exponent << 10 | (bits >> 13 & 1023));
}

// One batch of documents in every stored form, and what each form stands for.
struct Batch {
  int dim;
  std::vector<int64_t> offsets{0};
  std::vector<float> f32, scales;
  std::vector<uint16_t> f16, bf16;
  std::vector<int8_t> i8;

  Batch(int dim, int n_documents) : dim(dim) {
    for (int d = 0; d < n_documents; ++d) offsets.push_back(offsets.back() + random_bits() % 23);
    const int64_t n_rows = offsets.back();
    for (int64_t i = 0; i < n_rows * dim; ++i) {
      f32.push_back(random_float());
      f16.push_back(half_of(f32.back()));
      bf16.push_back(bfloat16_of(f32.back()));
      i8.push_back(static_cast<int8_t>(random_bits()));  // every code, -128 too
    }
    for (int64_t r = 0; r < n_rows; ++r) scales.push_back(std::fabs(random_float()) / 100);
    for (int64_t r = 3; r < n_rows; r += 17) spoil(r);
  }

  // Rows that must never win: NaN, infinities, a scale that is not a number.
  void spoil(int64_t row) {
    f32[row * dim + 1] = row % 2 ? NAN : INFINITY;
    f16[row * dim + 1] = 0x7C00;
    bf16[row * dim + 1] = 0x7FC0;
    scales[row] = NAN;
  }

  Documents documents(const char* stored_as) const {
    const std::string form = stored_as;
    const void* values = form == "f32"    ? static_cast<const void*>(f32.data())
                         : form == "f16"  ? static_cast<const void*>(f16.data())
                         : form == "bf16" ? static_cast<const void*>(bf16.data())
                                          : static_cast<const void*>(i8.data());
    const int bytes = form == "f32" ? 4 : form == "i8" ? 1 : 2;
    const auto n = static_cast<int64_t>(offsets.size()) - 1;
    return {static_cast<const char*>(values), bytes,    form == "i8" ? scales.data() : nullptr,
            offsets.data(),                   nullptr,  offsets.back(),
            n,                                dim};
  }

  double value(const std::string& form, int64_t i) const {
    if (form == "f32") return f32[i];
    if (form == "f16") return portable::half_to_float(f16[i]);
    if (form == "i8") return i8[i];
    const uint32_t bits = static_cast<uint32_t>(bf16[i]) << 16;
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
  }
};

struct Expected {
  double similarity;
  double size;  // sum of magnitudes: what rounding errors are relative to
};

// The query as the kernel sees it, row by row, undoing nothing but its packing.
std::vector<double> seen_by(const Kernel& kernel, const std::vector<float>& query, int dim) {
  std::vector<double> seen(query.begin(), query.end());
  const bool coded = kernel.packed_as == Element::i8 || kernel.packed_as == Element::i16;
  for (size_t row = 0; row < query.size() / dim; ++row) {
    float peak = 0;
    for (int d = 0; d < dim; ++d) peak = std::max(peak, std::fabs(query[row * dim + d]));
    for (int d = 0; d < dim; ++d) {
      double& x = seen[row * dim + d];
      const float inverse = peak > 0 ? 127.0F / peak : 0.0F;
      if (coded) x = std::nearbyint(query[row * dim + d] * inverse) * (peak / 127.0F);
      if (kernel.packed_as == Element::bf16) {
        const uint32_t bits = static_cast<uint32_t>(bfloat16_of(query[row * dim + d])) << 16;
        float rounded;
        std::memcpy(&rounded, &bits, sizeof rounded);
        x = rounded;
      }
    }
  }
  return seen;
}

Expected expected(const Batch& batch, const std::string& form, const double* query, int64_t row) {
  Expected e{0, 0};
  for (int d = 0; d < batch.dim; ++d) {
    const double product = query[d] * batch.value(form, row * batch.dim + d);
    e.similarity += product;
    e.size += std::fabs(product);
  }
  const double scale = form == "i8" ? batch.scales[row] : 1;
  return {e.similarity * scale, e.size * scale};
}

// Returns how many of the answers are wrong.
int check(const Isa& isa, const std::string& form, int dim, int n_query, int n_threads) {
  const Batch batch(dim, 9);
  std::vector<float> query(static_cast<size_t>(n_query) * dim);
  for (float& x : query) x = random_float();
  std::fill_n(query.begin(), dim, 0.0F);  // a zero row takes part
  const Kernel& kernel = kernel_for(isa, form.c_str());
  const PackedQuery packed(query.data(), n_query, dim, kernel);
  const Documents documents = batch.documents(form.c_str());
  std::vector<float> scores(documents.n), best(documents.n * n_query);
  std::vector<int32_t> winners(documents.n * n_query);
  score_all(kernel, packed, documents, {scores.data(), nullptr, nullptr}, n_threads);
  score_all(kernel, packed, documents, {nullptr, winners.data(), best.data()}, n_threads);
  const std::vector<double> seen = seen_by(kernel, query, dim);
  int wrong = 0;
  for (int64_t i = 0; i < documents.n; ++i) {
    double sum = 0;
    for (int j = 0; j < n_query; ++j) {
      double most = -INFINITY, size = 0;
      for (int64_t row = documents.begin(i); row < documents.end(i); ++row) {
        const Expected e = expected(batch, form, &seen[j * dim], row);
        if (std::isfinite(e.similarity)) most = std::max(most, e.similarity);
        if (std::isfinite(e.size)) size = std::max(size, e.size);
      }
      const float found = best[i * n_query + j];
      const int32_t winner = winners[i * n_query + j];
      wrong += !(found == most || std::fabs(found - most) <= 1e-5 * size + 1e-30);
      wrong += (winner < 0) != (found == lowest);
      if (winner >= 0) {
        const Expected e = expected(batch, form, &seen[j * dim], documents.begin(i) + winner);
        wrong += !(std::fabs(found - e.similarity) <= 1e-5 * e.size + 1e-30);
      }
      sum += found;
    }
    wrong += scores[i] != static_cast<float>(sum);
  }
  return wrong;
}

}  // namespace

int main() {
  int n_checks = 0, n_failed = 0;
  for (const Isa& isa : compiled_isas()) {
    if (!isa.runs_here()) {
      std::printf("%-12s does not run here\n", isa.name);
      continue;
    }
    const int before = n_failed;
    for (const char* form : {"f32", "f16", "bf16", "i8"}) {
      for (const int dim : {8, 24, 128, 1024}) {
        for (const int n_query : {1, 3, 15, 16, 17, 33, 64, 100}) {
          const int wrong = check(isa, form, dim, n_query, n_query % 2 + 1);
          if (wrong) std::printf("%s %s dim %d query %d: %d\n", isa.name, form, dim, n_query, wrong);
          n_failed += wrong > 0;
          ++n_checks;
        }
      }
    }
    for (const int bits : {1, 2, 3, 4}) {
      for (const int dim : {8, 48, 128, 1024}) {
        for (const int n_query : {1, 16, 33, 70}) {
          const int wrong = check_search(isa, bits, dim, n_query, n_query % 2 * 30);
          if (wrong) {
            std::printf("%s search %d bits dim %d query %d: %d\n", isa.name, bits, dim, n_query, wrong);
          }
          n_failed += wrong > 0;
          ++n_checks;
        }
      }
    }
    n_failed += check_threads(isa) > 0;
    ++n_checks;
    std::printf("%-12s %s\n", isa.name, n_failed == before ? "agrees" : "DISAGREES");
  }
  const int n_lost = check_pool();
  if (n_lost) std::printf("the pool did %d pieces not once\n", n_lost);
  n_failed += n_lost > 0;
  std::printf("%d checks, %d failed\n", ++n_checks, n_failed);
  return n_failed > 0;
}

// The machine's own limit: multiply-adds on registers alone, as the benchmark's yardstick. Written
// in assembly, so that no compiler can shorten or spill it.
#pragma once

#include <chrono>
#include <string>

#include "platform.hpp"

namespace latelight {

#if defined(LATELIGHT_X86) && !defined(LATELIGHT_SIMDE) && defined(__GNUC__)

constexpr int peak_rounds = 2'000;
constexpr int peak_chains = 8;  // independent sums, enough to hide the latency of a multiply-add

#define LATELIGHT_EIGHT(LINE) LINE(0) LINE(1) LINE(2) LINE(3) LINE(4) LINE(5) LINE(6) LINE(7)
#define LATELIGHT_REGISTERS                                                                   \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",    \
      "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#define LATELIGHT_PEAK(name, LINE)                                   \
  inline void name() {                                               \
    for (int i = 0; i < peak_rounds; ++i) {                          \
      __asm__ volatile(LATELIGHT_EIGHT(LINE)::: LATELIGHT_REGISTERS); \
    }                                                                \
  }

#define LATELIGHT_FMA(n) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #n "\n\t"
#define LATELIGHT_MADD_ADD(n)                  \
  "vpmaddwd %%ymm14, %%ymm15, %%ymm8\n\t"      \
  "vpaddd %%ymm8, %%ymm" #n ", %%ymm" #n "\n\t"
#define LATELIGHT_FMA_512(n) "vfmadd231ps %%zmm14, %%zmm15, %%zmm" #n "\n\t"
#define LATELIGHT_VNNI_256(n) "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm" #n "\n\t"
#define LATELIGHT_VNNI(n) "vpdpbusd %%zmm14, %%zmm15, %%zmm" #n "\n\t"
#define LATELIGHT_DPBF16(n) "vdpbf16ps %%zmm14, %%zmm15, %%zmm" #n "\n\t"

LATELIGHT_PEAK(peak_avx2_f32, LATELIGHT_FMA)
LATELIGHT_PEAK(peak_avx2_i8, LATELIGHT_MADD_ADD)
LATELIGHT_PEAK(peak_avx_vnni_i8, LATELIGHT_VNNI_256)
LATELIGHT_PEAK(peak_avx512_f32, LATELIGHT_FMA_512)
LATELIGHT_PEAK(peak_avx512_i8, LATELIGHT_VNNI)
LATELIGHT_PEAK(peak_avx512_bf16, LATELIGHT_DPBF16)

struct Peak {
  void (*run)();
  double ops_per_chain;  // a multiply-add counts as two
};

inline Peak peak_of(const std::string& isa, const std::string& stored_as) {
  const bool int8 = stored_as == "i8";
  if (isa == "portable") return {nullptr, 0};
  if (isa == "avx2") return int8 ? Peak{peak_avx2_i8, 32} : Peak{peak_avx2_f32, 16};
  if (isa == "avx_vnni") return int8 ? Peak{peak_avx_vnni_i8, 64} : Peak{peak_avx2_f32, 16};
  if (isa == "avx512_bf16" && stored_as == "bf16") return {peak_avx512_bf16, 64};
  return int8 ? Peak{peak_avx512_i8, 128} : Peak{peak_avx512_f32, 32};
}

// Returns operations per second of one thread, the best of many short runs within `seconds`;
// 0 when there is no yardstick for the path.
inline double peak_ops(const std::string& isa, const std::string& stored_as, double seconds) {
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;
  const Peak peak = peak_of(isa, stored_as);
  if (!peak.run) return 0;
  const double ops = peak.ops_per_chain * peak_chains * peak_rounds;
  double best = 0;
  for (const auto start = Clock::now(); Clock::now() - start < Seconds(seconds);) {
    const auto before = Clock::now();
    peak.run();
    const Seconds taken = Clock::now() - before;
    if (taken.count() > 0 && ops / taken.count() > best) best = ops / taken.count();
  }
  return best;
}

#else

inline double peak_ops(const std::string&, const std::string&, double) { return 0; }

#endif

}  // namespace latelight

// What the processor, and the operating system that saves its registers, can do.
#pragma once

#include <cstdint>

#include "platform.hpp"

#if defined(LATELIGHT_X86) && !defined(LATELIGHT_SIMDE)
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#elif defined(LATELIGHT_ARM64) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(LATELIGHT_ARM64) && defined(_WIN32)
#include <windows.h>
#endif

namespace latelight::cpu {

inline bool always() { return true; }

#if defined(LATELIGHT_SIMDE)

inline bool has_avx2() { return true; }
inline bool has_avx_vnni() { return true; }
inline bool has_avx512_vnni() { return true; }
inline bool has_avx512_bf16() { return true; }

#elif defined(LATELIGHT_X86)

struct Registers {
  uint32_t eax, ebx, ecx, edx;
};

inline Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r{};
#if defined(_MSC_VER)
  int words[4];
  __cpuidex(words, static_cast<int>(leaf), static_cast<int>(subleaf));
  r = {static_cast<uint32_t>(words[0]), static_cast<uint32_t>(words[1]),
       static_cast<uint32_t>(words[2]), static_cast<uint32_t>(words[3])};
#else
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
#endif
  return r;
}

constexpr bool all(uint32_t word, uint32_t bits) { return (word & bits) == bits; }
constexpr uint32_t bit(int n) { return uint32_t{1} << n; }

// Returns the register states that the operating system saves (XCR0), 0 when it saves none.
inline uint64_t saved_states() {
  if (!all(cpuid(1, 0).ecx, bit(27))) return 0;  // OSXSAVE
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
#endif
}

inline bool has_avx2() {
  const bool saved = (saved_states() & 0x6) == 0x6;                    // XMM, YMM
  const bool base = all(cpuid(1, 0).ecx, bit(12) | bit(28) | bit(29));  // FMA, AVX, F16C
  return saved && base && all(cpuid(7, 0).ebx, bit(5));
}

inline bool has_avx_vnni() { return has_avx2() && all(cpuid(7, 1).eax, bit(4)); }

inline bool has_avx512_vnni() {
  const bool saved = (saved_states() & 0xE6) == 0xE6;  // and the opmask and ZMM states
  const Registers leaf = cpuid(7, 0);
  const bool base = all(leaf.ebx, bit(16) | bit(17) | bit(30) | bit(31));  // F, DQ, BW, VL
  return has_avx2() && saved && base && all(leaf.ecx, bit(11));            // VNNI
}

inline bool has_avx512_bf16() { return has_avx512_vnni() && all(cpuid(7, 1).eax, bit(5)); }

#elif defined(LATELIGHT_ARM64)

inline bool has_dotprod() {
#if defined(__linux__)
  return (getauxval(AT_HWCAP) & (1UL << 20)) != 0;  // HWCAP_ASIMDDP
#elif defined(__APPLE__)
  return true;  // every 64-bit Mac
#elif defined(_WIN32)
  return IsProcessorFeaturePresent(43) != 0;  // PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE
#else
  return false;
#endif
}

#endif

}  // namespace latelight::cpu

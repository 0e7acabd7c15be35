// AVX2 with the 256-bit VNNI of processors without AVX-512: rows are moved by 128 once per tile, and
// vpdpbusd multiplies and adds four bytes at once, exactly.
#pragma once

#include <cstring>

#include "kernel.hpp"
#include "platform.hpp"

#define LATELIGHT_FN LATELIGHT_TARGET("avx2,fma,f16c,avxvnni")

namespace latelight::avx_vnni {

#include "avx2_lanes.inl"

struct Codes {
  using Sum = __m256i;
  using Stored = uint8_t;
  using Packed = int8_t;
  using Operand = __m256i;
  using Value = __m256i;
  static constexpr Element packed_as = Element::i8;
  static constexpr int lanes = 8, group = 4, block_rows = 5, block_vectors = 2;
  static constexpr int stored_bytes = 1;  // per value
  static constexpr bool has_bases = false;

  LATELIGHT_FN static LATELIGHT_INLINE Sum start(const int32_t* code_sums) {
    return _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_slli_epi32(load_indices(code_sums), 7));
  }
  LATELIGHT_FN static LATELIGHT_INLINE Operand load_query(const int8_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  LATELIGHT_FN static LATELIGHT_INLINE Value load_value(const uint8_t* from) {
    int32_t four;
    std::memcpy(&four, from, sizeof four);
    return _mm256_set1_epi32(four);
  }
  LATELIGHT_FN static LATELIGHT_INLINE Sum multiply(Sum sum, Operand q, Value d) {
    return _mm256_dpbusd_avx_epi32(sum, d, q);
  }
  LATELIGHT_FN static LATELIGHT_INLINE Float similarity(Sum x, const float* scales, int row) {
    return _mm256_mul_ps(_mm256_cvtepi32_ps(x), _mm256_broadcast_ss(scales + row));
  }
};

#include "avx2_floats.inl"

struct I8 : Codes {
  static constexpr int prepared_bytes = 1;
  LATELIGHT_FN static void prepare(const void* stored, int64_t n_values, void* prepared) {
    const auto* from = static_cast<const char*>(stored);
    auto* to = static_cast<char*>(prepared);
    const __m256i signs = _mm256_set1_epi8(-128);
    int64_t i = 0;
    for (; i + 32 <= n_values; i += 32) {
      const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm256_xor_si256(signs, codes));
    }
    for (; i < n_values; i += 8) {  // dims are multiples of 8
      uint64_t codes;
      std::memcpy(&codes, from + i, sizeof codes);
      codes ^= 0x8080808080808080U;  // + 128
      std::memcpy(to + i, &codes, sizeof codes);
    }
  }
  static void score(const Query& q, const Tile& t, const Best& b) { score_any<Codes>(q, t, b); }
};

}  // namespace latelight::avx_vnni

#undef LATELIGHT_FN

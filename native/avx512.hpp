// AVX-512: 16 lanes. int8 runs on VNNI, whose first factor is unsigned: rows are stored + 128, and
// every sum starts at -128 * (sum of the query's codes), which takes the 128 out again, exactly.
#pragma once

#include <cstring>

#include "kernel.hpp"
#include "platform.hpp"

// bf16 is in the list for `Bfloats` alone: nothing else gives a compiler reason to emit it.
#define LATELIGHT_FN \
  LATELIGHT_TARGET("avx512f,avx512dq,avx512bw,avx512vl,avx512vnni,avx512bf16,fma,f16c")

namespace latelight::avx512 {

using Float = __m512;
using Index = __m512i;

LATELIGHT_FN LATELIGHT_INLINE Float load_floats(const float* from) { return _mm512_loadu_ps(from); }
LATELIGHT_FN LATELIGHT_INLINE void store_floats(float* to, Float x) { _mm512_storeu_ps(to, x); }
LATELIGHT_FN LATELIGHT_INLINE Index load_indices(const int32_t* from) {
  return _mm512_loadu_si512(from);
}
LATELIGHT_FN LATELIGHT_INLINE void store_indices(int32_t* to, Index x) {
  _mm512_storeu_si512(to, x);
}
// vmaxps returns its second operand when the first is NaN: a NaN never replaces the best.
LATELIGHT_FN LATELIGHT_INLINE Float greater(Float x, Float best) { return _mm512_max_ps(x, best); }
LATELIGHT_FN LATELIGHT_INLINE Index replace_where_greater(Index winner, int row, Float x,
                                                          Float best) {
  const __mmask16 wins = _mm512_cmp_ps_mask(x, best, _CMP_GT_OQ);
  return _mm512_mask_mov_epi32(winner, wins, _mm512_set1_epi32(row));
}
// x + (x - x) is x, or NaN when x is not finite.
LATELIGHT_FN LATELIGHT_INLINE Float nan_unless_finite(Float x) {
  return _mm512_add_ps(x, _mm512_sub_ps(x, x));
}
LATELIGHT_FN LATELIGHT_INLINE __m512i broadcast_4_bytes(const void* from) {
  int32_t word;
  std::memcpy(&word, from, sizeof word);
  return _mm512_set1_epi32(word);
}

// Adds whole numbers of steps, one per lane.
LATELIGHT_FN LATELIGHT_INLINE Float add_steps(Float x, const int16_t* steps, float step) {
  const __m256i narrow = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(steps));
  return _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(narrow)), _mm512_set1_ps(step), x);
}
LATELIGHT_FN LATELIGHT_INLINE bool any_reaches(const int16_t* steps, const int16_t* threshold) {
  return _mm512_cmpge_epi16_mask(_mm512_loadu_si512(steps), _mm512_loadu_si512(threshold)) != 0;
}

#include "bytes_x86.inl"

LATELIGHT_FN LATELIGHT_INLINE int32_t dot_codes(const int8_t* a, const int8_t* b, int dim) {
  __m512i sum = _mm512_setzero_si512();
  int i = 0;
  for (; i + 32 <= dim; i += 32) {
    const __m512i x = _mm512_cvtepi8_epi16(load_bytes(reinterpret_cast<const uint8_t*>(a + i)));
    const __m512i y = _mm512_cvtepi8_epi16(load_bytes(reinterpret_cast<const uint8_t*>(b + i)));
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(x, y));
  }
  int32_t rest = 0;
  for (; i < dim; ++i) rest += int32_t{a[i]} * b[i];
  return _mm512_reduce_add_epi32(sum) + rest;
}

struct Floats {
  using Sum = __m512;
  using Stored = float;
  using Packed = float;
  using Operand = __m512;
  using Value = __m512;
  static constexpr Element packed_as = Element::f32;
  static constexpr int lanes = 16, group = 1, block_rows = 8, block_vectors = 2;
  static constexpr int stored_bytes = 4;  // per value
  static constexpr bool has_bases = false;

  LATELIGHT_FN static LATELIGHT_INLINE Sum start(const int32_t*) { return _mm512_setzero_ps(); }
  LATELIGHT_FN static LATELIGHT_INLINE Operand load_query(const float* from) {
    return _mm512_loadu_ps(from);
  }
  LATELIGHT_FN static LATELIGHT_INLINE Value load_value(const float* from) {
    return _mm512_set1_ps(*from);
  }
  LATELIGHT_FN static LATELIGHT_INLINE Sum multiply(Sum sum, Operand q, Value d) {
    return _mm512_fmadd_ps(q, d, sum);
  }
  LATELIGHT_FN static LATELIGHT_INLINE Float similarity(Sum x, const float*, int) {
    return nan_unless_finite(x);
  }
};

// Pairs of bfloat16, query and rows: VDPBF16PS.
struct Bfloats {
  using Sum = __m512;
  using Stored = uint16_t;
  using Packed = uint16_t;
  using Operand = __m512i;
  using Value = __m512i;
  static constexpr Element packed_as = Element::bf16;
  static constexpr int lanes = 16, group = 2, block_rows = 8, block_vectors = 2;
  static constexpr int stored_bytes = 2;  // per value
  static constexpr bool has_bases = false;

  LATELIGHT_FN static LATELIGHT_INLINE Sum start(const int32_t*) { return _mm512_setzero_ps(); }
  LATELIGHT_FN static LATELIGHT_INLINE Operand load_query(const uint16_t* from) {
    return _mm512_loadu_si512(from);
  }
  LATELIGHT_FN static LATELIGHT_INLINE Value load_value(const uint16_t* from) {
    return broadcast_4_bytes(from);
  }
  LATELIGHT_FN static LATELIGHT_INLINE Sum multiply(Sum sum, Operand q, Value d) {
    __m512bh pairs_of_query, pairs_of_row;
    std::memcpy(&pairs_of_query, &q, sizeof q);
    std::memcpy(&pairs_of_row, &d, sizeof d);
    return _mm512_dpbf16_ps(sum, pairs_of_query, pairs_of_row);
  }
  LATELIGHT_FN static LATELIGHT_INLINE Float similarity(Sum x, const float*, int) {
    return nan_unless_finite(x);
  }
};

struct Codes {
  using Sum = __m512i;
  using Stored = uint8_t;
  using Packed = int8_t;
  using Operand = __m512i;
  using Value = __m512i;
  static constexpr Element packed_as = Element::i8;
  static constexpr int lanes = 16, group = 4, block_rows = 8, block_vectors = 2;
  static constexpr int stored_bytes = 1;  // per value
  static constexpr bool has_bases = false;

  LATELIGHT_FN static LATELIGHT_INLINE Sum start(const int32_t* code_sums) {
    const __m512i sums = _mm512_loadu_si512(code_sums);
    return _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(sums, 7));
  }
  LATELIGHT_FN static LATELIGHT_INLINE Operand load_query(const int8_t* from) {
    return _mm512_loadu_si512(from);
  }
  LATELIGHT_FN static LATELIGHT_INLINE Value load_value(const uint8_t* from) {
    return broadcast_4_bytes(from);
  }
  LATELIGHT_FN static LATELIGHT_INLINE Sum multiply(Sum sum, Operand q, Value d) {
    return _mm512_dpbusd_epi32(sum, d, q);
  }
  LATELIGHT_FN static LATELIGHT_INLINE Float similarity(Sum x, const float* scales, int row) {
    return _mm512_mul_ps(_mm512_cvtepi32_ps(x), _mm512_set1_ps(scales[row]));
  }
};

#include "block.inl"

#include "scan.inl"

// Two stored bytes, widened to a float by `prepare`.
struct Halves : Floats {
  static constexpr int stored_bytes = 2;
};

struct F32 : Floats {
  static constexpr int prepared_bytes = 0;
  static void prepare(const void*, int64_t, void*) {}
  static void score(const Query& q, const Tile& t, const Best& b) { score_any<Floats>(q, t, b); }
};

struct F16 : Halves {
  static constexpr int prepared_bytes = 4;
  static void score(const Query& q, const Tile& t, const Best& b) { score_any<Halves>(q, t, b); }
  LATELIGHT_FN static void prepare(const void* stored, int64_t n_values, void* prepared) {
    const auto* from = static_cast<const __m128i*>(stored);
    auto* to = static_cast<float*>(prepared);
    for (int64_t i = 0; i < n_values / 8; ++i) {
      _mm256_storeu_ps(to + 8 * i, _mm256_cvtph_ps(_mm_loadu_si128(from + i)));
    }
  }
};

struct Bf16 : Halves {
  static constexpr int prepared_bytes = 4;
  static void score(const Query& q, const Tile& t, const Best& b) { score_any<Halves>(q, t, b); }
  LATELIGHT_FN static void prepare(const void* stored, int64_t n_values, void* prepared) {
    const auto* from = static_cast<const __m128i*>(stored);
    auto* to = static_cast<__m256i*>(prepared);
    for (int64_t i = 0; i < n_values / 8; ++i) {
      const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(from + i));
      _mm256_storeu_si256(to + i, _mm256_slli_epi32(wide, 16));
    }
  }
};

struct Bf16Pairs : Bfloats {
  static constexpr int prepared_bytes = 0;
  static void prepare(const void*, int64_t, void*) {}
  static void score(const Query& q, const Tile& t, const Best& b) { score_any<Bfloats>(q, t, b); }
};

struct I8 : Codes {
  static constexpr int prepared_bytes = 1;
  LATELIGHT_FN static void prepare(const void* stored, int64_t n_values, void* prepared) {
    const auto* from = static_cast<const char*>(stored);
    auto* to = static_cast<char*>(prepared);
    const __m512i signs = _mm512_set1_epi8(-128);
    int64_t i = 0;
    for (; i + 64 <= n_values; i += 64) {
      _mm512_storeu_si512(to + i, _mm512_xor_si512(signs, _mm512_loadu_si512(from + i)));
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

}  // namespace latelight::avx512

#undef LATELIGHT_FN

// NEON: 4 lanes, 32 registers. int8 runs on the dot-product instructions where the processor has
// them (SDOT, ARMv8.2), else on exact widening products.
#pragma once

#include <cstring>

#include "kernel.hpp"
#include "platform.hpp"

#if defined(__clang__)
#define LATELIGHT_DOTPROD LATELIGHT_TARGET("dotprod")
#else
#define LATELIGHT_DOTPROD LATELIGHT_TARGET("arch=armv8.2-a+dotprod")
#endif

namespace latelight::neon {

using Float = float32x4_t;
using Index = int32x4_t;

LATELIGHT_INLINE Float load_floats(const float* from) { return vld1q_f32(from); }
LATELIGHT_INLINE void store_floats(float* to, Float x) { vst1q_f32(to, x); }
LATELIGHT_INLINE Index load_indices(const int32_t* from) { return vld1q_s32(from); }
LATELIGHT_INLINE void store_indices(int32_t* to, Index x) { vst1q_s32(to, x); }
// maxNum: the number wins over a NaN.
LATELIGHT_INLINE Float greater(Float x, Float best) { return vmaxnmq_f32(x, best); }
LATELIGHT_INLINE Index replace_where_greater(Index winner, int row, Float x, Float best) {
  return vbslq_s32(vcgtq_f32(x, best), vdupq_n_s32(row), winner);
}

// Adds whole numbers of steps, one per lane.
LATELIGHT_INLINE Float add_steps(Float x, const int16_t* steps, float step) {
  return vfmaq_n_f32(x, vcvtq_f32_s32(vmovl_s16(vld1_s16(steps))), step);
}
LATELIGHT_INLINE bool any_reaches(const int16_t* steps, const int16_t* threshold) {
  uint16x8_t any = vdupq_n_u16(0);
  for (int i = 0; i < 32; i += 8) {
    any = vorrq_u16(any, vcgeq_s16(vld1q_s16(steps + i), vld1q_s16(threshold + i)));
  }
  return vmaxvq_u16(any) != 0;
}

using Bytes = uint8x16x2_t;
LATELIGHT_INLINE Bytes no_bytes() { return {{vdupq_n_u8(0), vdupq_n_u8(0)}}; }
LATELIGHT_INLINE Bytes load_bytes(const uint8_t* from) {
  return {{vld1q_u8(from), vld1q_u8(from + 16)}};
}
LATELIGHT_INLINE void store_bytes(uint8_t* to, const Bytes& x) {
  vst1q_u8(to, x.val[0]);
  vst1q_u8(to + 16, x.val[1]);
}
LATELIGHT_INLINE Bytes greater_bytes(const Bytes& a, const Bytes& b) {
  return {{vmaxq_u8(a.val[0], b.val[0]), vmaxq_u8(a.val[1], b.val[1])}};
}
LATELIGHT_INLINE int sum_bytes(const Bytes& x) {
  return vaddlvq_u8(x.val[0]) + vaddlvq_u8(x.val[1]);
}
LATELIGHT_INLINE void sum_4(const Bytes& a, const Bytes& b, const Bytes& c, const Bytes& d,
                            int32_t* sums) {
  sums[0] = sum_bytes(a), sums[1] = sum_bytes(b), sums[2] = sum_bytes(c), sums[3] = sum_bytes(d);
}
// the bits of every byte, `shift` up, under `mask`
LATELIGHT_INLINE Bytes few_bits(const Bytes& x, int shift, int mask) {
  const int8x16_t down = vdupq_n_s8(static_cast<int8_t>(-shift));
  const uint8x16_t kept = vdupq_n_u8(static_cast<uint8_t>(mask));
  return {{vandq_u8(vshlq_u8(x.val[0], down), kept), vandq_u8(vshlq_u8(x.val[1], down), kept)}};
}
// a table of 16 bytes, and what bytes of 0 to 15 find in it
LATELIGHT_INLINE Bytes twice_16(const uint8_t* table) {
  const uint8x16_t all = vld1q_u8(table);
  return {{all, all}};
}
LATELIGHT_INLINE Bytes lookup_bytes(const Bytes& table, const Bytes& places) {
  return {{vqtbl1q_u8(table.val[0], places.val[0]), vqtbl1q_u8(table.val[0], places.val[1])}};
}
LATELIGHT_INLINE Bytes add_bytes(const Bytes& a, const Bytes& b) {
  return {{vaddq_u8(a.val[0], b.val[0]), vaddq_u8(a.val[1], b.val[1])}};
}
LATELIGHT_INLINE Bytes all_bytes(int x) {
  const uint8x16_t all = vdupq_n_u8(static_cast<uint8_t>(x));
  return {{all, all}};
}
// a - b, not below 0
LATELIGHT_INLINE Bytes less_bytes(const Bytes& a, const Bytes& b) {
  return {{vqsubq_u8(a.val[0], b.val[0]), vqsubq_u8(a.val[1], b.val[1])}};
}
LATELIGHT_INLINE bool any_above(const Bytes& a, const Bytes& b) {
  return vmaxvq_u8(vorrq_u8(vcgtq_u8(a.val[0], b.val[0]), vcgtq_u8(a.val[1], b.val[1]))) != 0;
}
LATELIGHT_INLINE int32_t dot_codes(const int8_t* a, const int8_t* b, int dim) {
  int32x4_t sum = vdupq_n_s32(0);
  for (int i = 0; i < dim; i += 8) sum = vpadalq_s16(sum, vmull_s8(vld1_s8(a + i), vld1_s8(b + i)));
  return vaddvq_s32(sum);
}

struct Floats {
  using Sum = float32x4_t;
  using Stored = float;
  using Packed = float;
  using Operand = float32x4_t;
  using Value = float32x4_t;
  static constexpr Element packed_as = Element::f32;
  static constexpr int lanes = 4, group = 1, block_rows = 5, block_vectors = 4;
  static constexpr int stored_bytes = 4;  // per value
  static constexpr bool has_bases = false;

  static LATELIGHT_INLINE Sum start(const int32_t*) { return vdupq_n_f32(0); }
  static LATELIGHT_INLINE Operand load_query(const float* from) { return vld1q_f32(from); }
  static LATELIGHT_INLINE Value load_value(const float* from) { return vld1q_dup_f32(from); }
  static LATELIGHT_INLINE Sum multiply(Sum sum, Operand q, Value d) {
    return vfmaq_f32(sum, q, d);
  }
  // x + (x - x) is x, or NaN when x is not finite.
  static LATELIGHT_INLINE Float similarity(Sum x, const float*, int) {
    return vaddq_f32(x, vsubq_f32(x, x));
  }
};

struct CodesBase {
  using Sum = int32x4_t;
  using Stored = int8_t;
  using Packed = int8_t;
  using Value = int8x16_t;
  static constexpr Element packed_as = Element::i8;
  static constexpr int lanes = 4, block_rows = 5, block_vectors = 4;
  static constexpr int stored_bytes = 1;  // per value
  static constexpr bool has_bases = false;

  static LATELIGHT_INLINE Sum start(const int32_t*) { return vdupq_n_s32(0); }
  static LATELIGHT_INLINE Float similarity(Sum x, const float* scales, int row) {
    return vmulq_n_f32(vcvtq_f32_s32(x), scales[row]);
  }
};

// Pairs of products: int8 x int8 fits int16, and each pair is added into int32.
struct Codes : CodesBase {
  using Operand = int8x8_t;
  using Value = int8x8_t;
  static constexpr int group = 2;

  static LATELIGHT_INLINE Operand load_query(const int8_t* from) { return vld1_s8(from); }
  static LATELIGHT_INLINE Value load_value(const int8_t* from) {
    int16_t pair;
    std::memcpy(&pair, from, sizeof pair);
    return vreinterpret_s8_s16(vdup_n_s16(pair));
  }
  static LATELIGHT_INLINE Sum multiply(Sum sum, Operand q, Value d) {
    return vpadalq_s16(sum, vmull_s8(q, d));
  }
};

#define LATELIGHT_FN
#include "block.inl"
#include "scan.inl"
#undef LATELIGHT_FN

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
  static void prepare(const void* stored, int64_t n_values, void* prepared) {
    const auto* from = static_cast<const uint16_t*>(stored);
    auto* to = static_cast<float*>(prepared);
    for (int64_t i = 0; i < n_values; i += 4) {
      vst1q_f32(to + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from + i))));
    }
  }
};

struct Bf16 : Halves {
  static constexpr int prepared_bytes = 4;
  static void score(const Query& q, const Tile& t, const Best& b) { score_any<Halves>(q, t, b); }
  static void prepare(const void* stored, int64_t n_values, void* prepared) {
    const auto* from = static_cast<const uint16_t*>(stored);
    auto* to = static_cast<uint32_t*>(prepared);
    for (int64_t i = 0; i < n_values; i += 4) {
      vst1q_u32(to + i, vshll_n_u16(vld1_u16(from + i), 16));
    }
  }
};

struct I8 : Codes {
  static constexpr int prepared_bytes = 0;
  static void prepare(const void*, int64_t, void*) {}
  static void score(const Query& q, const Tile& t, const Best& b) { score_any<Codes>(q, t, b); }
};

namespace dotprod {

struct Codes : CodesBase {
  using Operand = int8x16_t;
  static constexpr int group = 4;

  static LATELIGHT_INLINE Operand load_query(const int8_t* from) { return vld1q_s8(from); }
  static LATELIGHT_INLINE Value load_value(const int8_t* from) {
    int32_t four;
    std::memcpy(&four, from, sizeof four);
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
  }
  LATELIGHT_DOTPROD static LATELIGHT_INLINE Sum multiply(Sum sum, Operand q, Value d) {
    return vdotq_s32(sum, q, d);
  }
};

#define LATELIGHT_FN LATELIGHT_DOTPROD
#include "block.inl"
#include "scan.inl"
#undef LATELIGHT_FN

}  // namespace dotprod

struct I8Dot : dotprod::Codes {
  static constexpr int prepared_bytes = 0;
  static void prepare(const void*, int64_t, void*) {}
  static void score(const Query& q, const Tile& t, const Best& b) {
    dotprod::score_any<dotprod::Codes>(q, t, b);
  }
};

}  // namespace latelight::neon

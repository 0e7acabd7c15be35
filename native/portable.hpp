// Plain C++ with the same blocking: what a processor without a path of its own runs.
#pragma once

#include <cmath>
#include <cstring>

#include "kernel.hpp"
#include "platform.hpp"

#define LATELIGHT_FN

namespace latelight::portable {

struct Float {
  float at[8];
};
struct Index {
  int32_t at[8];
};
struct Int {
  int32_t at[8];
};

template <class Vector, class Value>
LATELIGHT_INLINE Vector load(const Value* from) {
  Vector x;
  std::memcpy(x.at, from, sizeof x.at);
  return x;
}

LATELIGHT_INLINE Float load_floats(const float* from) { return load<Float>(from); }
LATELIGHT_INLINE Index load_indices(const int32_t* from) { return load<Index>(from); }
LATELIGHT_INLINE void store_floats(float* to, const Float& x) { std::memcpy(to, x.at, sizeof x.at); }
LATELIGHT_INLINE void store_indices(int32_t* to, const Index& x) {
  std::memcpy(to, x.at, sizeof x.at);
}
LATELIGHT_INLINE Float greater(const Float& x, Float best) {
  for (int i = 0; i < 8; ++i) best.at[i] = x.at[i] > best.at[i] ? x.at[i] : best.at[i];
  return best;
}
LATELIGHT_INLINE Index replace_where_greater(Index winner, int row, const Float& x,
                                             const Float& best) {
  for (int i = 0; i < 8; ++i) winner.at[i] = x.at[i] > best.at[i] ? row : winner.at[i];
  return winner;
}

// Adds whole numbers of steps, one per lane.
LATELIGHT_INLINE Float add_steps(Float x, const int16_t* steps, float step) {
  for (int i = 0; i < 8; ++i) x.at[i] += static_cast<float>(steps[i]) * step;
  return x;
}
LATELIGHT_INLINE bool any_reaches(const int16_t* steps, const int16_t* threshold) {
  bool any = false;
  for (int i = 0; i < 32; ++i) any |= steps[i] >= threshold[i];
  return any;
}

struct Bytes {
  uint8_t at[32];
};
LATELIGHT_INLINE Bytes no_bytes() { return {}; }
LATELIGHT_INLINE Bytes load_bytes(const uint8_t* from) { return load<Bytes>(from); }
LATELIGHT_INLINE void store_bytes(uint8_t* to, const Bytes& x) { std::memcpy(to, x.at, sizeof x.at); }
LATELIGHT_INLINE Bytes greater_bytes(const Bytes& a, Bytes b) {
  for (int i = 0; i < 32; ++i) b.at[i] = a.at[i] > b.at[i] ? a.at[i] : b.at[i];
  return b;
}
LATELIGHT_INLINE int sum_bytes(const Bytes& x) {
  int sum = 0;
  for (int i = 0; i < 32; ++i) sum += x.at[i];
  return sum;
}
LATELIGHT_INLINE void sum_4(const Bytes& a, const Bytes& b, const Bytes& c, const Bytes& d,
                            int32_t* sums) {
  sums[0] = sum_bytes(a), sums[1] = sum_bytes(b), sums[2] = sum_bytes(c), sums[3] = sum_bytes(d);
}
// the bits of every byte, `shift` up, under `mask`
LATELIGHT_INLINE Bytes few_bits(Bytes x, int shift, int mask) {
  for (int i = 0; i < 32; ++i) x.at[i] = static_cast<uint8_t>(x.at[i] >> shift & mask);
  return x;
}
// a table of 16 bytes, and what bytes of 0 to 15 find in it
LATELIGHT_INLINE Bytes twice_16(const uint8_t* table) {
  Bytes twice;
  for (int i = 0; i < 32; ++i) twice.at[i] = table[i % 16];
  return twice;
}
LATELIGHT_INLINE Bytes lookup_bytes(const Bytes& table, Bytes places) {
  for (int i = 0; i < 32; ++i) places.at[i] = table.at[places.at[i] & 15];
  return places;
}
LATELIGHT_INLINE Bytes add_bytes(Bytes a, const Bytes& b) {
  for (int i = 0; i < 32; ++i) a.at[i] = static_cast<uint8_t>(a.at[i] + b.at[i]);
  return a;
}
LATELIGHT_INLINE Bytes all_bytes(int x) {
  Bytes all;
  for (int i = 0; i < 32; ++i) all.at[i] = static_cast<uint8_t>(x);
  return all;
}
// a - b, not below 0
LATELIGHT_INLINE Bytes less_bytes(Bytes a, const Bytes& b) {
  for (int i = 0; i < 32; ++i) a.at[i] = static_cast<uint8_t>(a.at[i] > b.at[i] ? a.at[i] - b.at[i] : 0);
  return a;
}
LATELIGHT_INLINE bool any_above(const Bytes& a, const Bytes& b) {
  bool any = false;
  for (int i = 0; i < 32; ++i) any |= a.at[i] > b.at[i];
  return any;
}
LATELIGHT_INLINE int32_t dot_codes(const int8_t* a, const int8_t* b, int dim) {
  int32_t sum = 0;
  for (int i = 0; i < dim; ++i) sum += int32_t{a[i]} * b[i];
  return sum;
}

struct Floats {
  using Sum = Float;
  using Stored = float;
  using Packed = float;
  using Operand = Float;
  using Value = float;
  static constexpr Element packed_as = Element::f32;
  static constexpr int lanes = 8, group = 1, block_rows = 4, block_vectors = 1;
  static constexpr int stored_bytes = 4;  // per value
  static constexpr bool has_bases = false;

  static LATELIGHT_INLINE Sum start(const int32_t*) { return {}; }
  static LATELIGHT_INLINE Operand load_query(const float* from) { return load<Float>(from); }
  static LATELIGHT_INLINE Value load_value(const float* from) { return *from; }
  static LATELIGHT_INLINE Sum multiply(Sum sum, const Operand& q, Value d) {
    for (int i = 0; i < 8; ++i) sum.at[i] += q.at[i] * d;
    return sum;
  }
  static LATELIGHT_INLINE Float similarity(Sum x, const float*, int) {
    for (int i = 0; i < 8; ++i) x.at[i] += x.at[i] - x.at[i];  // NaN unless finite
    return x;
  }
};

struct Codes {
  using Sum = Int;
  using Stored = int16_t;
  using Packed = int16_t;
  struct Operand {
    int16_t at[16];
  };
  struct Value {
    int16_t at[2];
  };
  static constexpr Element packed_as = Element::i16;
  static constexpr int lanes = 8, group = 2, block_rows = 4, block_vectors = 1;
  static constexpr int stored_bytes = 1;  // per value
  static constexpr bool has_bases = false;

  static LATELIGHT_INLINE Sum start(const int32_t*) { return {}; }
  static LATELIGHT_INLINE Operand load_query(const int16_t* from) { return load<Operand>(from); }
  static LATELIGHT_INLINE Value load_value(const int16_t* from) { return load<Value>(from); }
  static LATELIGHT_INLINE Sum multiply(Sum sum, const Operand& q, Value d) {
    for (int i = 0; i < 8; ++i) {
      sum.at[i] += q.at[2 * i] * d.at[0] + q.at[2 * i + 1] * d.at[1];
    }
    return sum;
  }
  static LATELIGHT_INLINE Float similarity(const Sum& x, const float* scales, int row) {
    Float y;
    for (int i = 0; i < 8; ++i) y.at[i] = static_cast<float>(x.at[i]) * scales[row];
    return y;
  }
};

#include "block.inl"

// The number that the bits of an IEEE half stand for; exact.
inline float half_to_float(uint16_t half) {
  const int exponent = (half >> 10) & 31, fraction = half & 1023;
  float magnitude = 0;
  if (exponent == 31) {
    magnitude = fraction ? NAN : INFINITY;
  } else {
    magnitude = exponent ? std::ldexp(static_cast<float>(1024 + fraction), exponent - 25)
                         : std::ldexp(static_cast<float>(fraction), -24);
  }
  return half & 0x8000 ? -magnitude : magnitude;
}

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
  static void prepare(const void* stored, int64_t n_values, void* prepared) {
    const auto* from = static_cast<const uint16_t*>(stored);
    auto* to = static_cast<float*>(prepared);
    for (int64_t i = 0; i < n_values; ++i) to[i] = half_to_float(from[i]);
  }
};

struct Bf16 : Halves {
  static constexpr int prepared_bytes = 4;
  static void score(const Query& q, const Tile& t, const Best& b) { score_any<Halves>(q, t, b); }
  static void prepare(const void* stored, int64_t n_values, void* prepared) {
    const auto* from = static_cast<const uint16_t*>(stored);
    auto* to = static_cast<uint32_t*>(prepared);
    for (int64_t i = 0; i < n_values; ++i) to[i] = static_cast<uint32_t>(from[i]) << 16;
  }
};

struct I8 : Codes {
  static constexpr int prepared_bytes = 2;
  static void prepare(const void* stored, int64_t n_values, void* prepared) {
    const auto* from = static_cast<const int8_t*>(stored);
    auto* to = static_cast<int16_t*>(prepared);
    for (int64_t i = 0; i < n_values; ++i) to[i] = from[i];
  }
  static void score(const Query& q, const Tile& t, const Best& b) { score_any<Codes>(q, t, b); }
};

}  // namespace latelight::portable

#undef LATELIGHT_FN

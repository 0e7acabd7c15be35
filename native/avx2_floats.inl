// What AVX2 and AVX-VNNI do alike once `Codes` is defined: blocks, stages of a search, and stored
// floats.

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

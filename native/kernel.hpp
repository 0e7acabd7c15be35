// The contract between the driver and the instruction sets: flat arrays in, flat arrays out.
//
// A kernel scores a *tile*, some neighbouring rows of one document, against the whole packed
// query. Query rows lie across vector lanes: each lane keeps the best similarity of its own query
// row, so that nothing is ever summed across lanes. A packed query is, for each vector of `lanes`
// query rows, [dim / group][lanes][group] elements; lanes past the last query row hold zeros and
// are never read back.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace latelight {

// Returns the nearest whole number, ties to even, of magnitudes below 2**22: a float near 1.5 * 2**23
// has no room for a fraction. Without SSE4.1 the library's rounding is a call per value.
inline float nearest(float x) {
  constexpr float no_fraction = 12582912.0F;
  return (x + no_fraction) - no_fraction;
}

enum class Element { f32, bf16, i16, i8 };

struct Query {
  const void* packed;
  const int32_t* code_sums;  // one per lane; the sum of its int8 codes, or zeros
  int n_vectors;
  int dim;
};

struct Tile {
  const void* rows;      // in the form that `prepare` leaves
  const float* scales;   // one per row, or null
  int n_rows;
  int first_row;         // counted from the document's first row
  const char* ahead;     // as many stored rows, to be fetched meanwhile
  const int16_t* const* bases = nullptr;  // coded rows: the similarities of each row's centroid,
  float base_step = 0;                    // one per lane, in steps of `base_step`
};

struct Best {
  float* similarity;  // one per lane
  int32_t* winner;    // one per lane, or null when nobody asks
};

struct Kernel {
  Element packed_as;   // what the query is packed as
  int lanes;           // query rows per vector
  int group;           // neighbouring dims that one instruction multiplies in a lane
  int block_rows;      // document rows per register block
  int prepared_bytes;  // bytes per value after `prepare`; 0 when rows are used as stored
  void (*prepare)(const void* stored, int64_t n_values, void* prepared);
  void (*score)(const Query&, const Tile&, const Best&);
};

// What approximate search does besides products (candidates.hpp says when). Rows of bytes and of
// steps are `stride` long, a multiple of 32.
struct Scan {
  // Writes rows (n, dim) times a matrix (dim, dim).
  void (*turn)(const float* rows, int n, int dim, const float* matrix, float* out);
  // Writes the chosen coded rows as `score` of the coded kernel reads them.
  void (*unpack)(const uint8_t* codes, const int32_t* chosen, int n_chosen, int bits, int dim,
                 const uint8_t* levels, void* prepared);
  // Writes every row's similarity with every lane, rows `stride` apart.
  void (*similarities)(const Query&, const Tile&, int stride, float* out);
  // Writes rows of similarities as steps of `step`, and raises `peak` to them.
  void (*to_steps)(const float* similarities, int n_rows, int stride, float step, int16_t* steps,
                   int16_t* peak);
  // Writes the greatest number of steps that at least `rank` rows reach, for each lane.
  void (*thresholds)(const int16_t* peaks, int n_rows, int stride, int rank, int16_t* out);
  // Writes (steps - low) * factor / 65536 within a byte, of every row.
  void (*to_bytes)(const int16_t* steps, const int16_t* low, const uint16_t* factor, int n_rows,
                   int stride, uint8_t* bytes);
  bool (*reaches)(const int16_t* steps, const int16_t* threshold, int n);
  // Raises the bytes of every unit in a list, of those whose bit is set when there are bits; `best`
  // has rows for `n_units` from `first_unit` on. Numbers that a damaged file made too large are
  // passed over, here and below.
  void (*raise)(const uint16_t* units, int64_t n, int64_t first_unit, int64_t n_units,
                const uint64_t* allowed, const uint8_t* bytes, int stride, uint8_t* best);
  // Returns the sum over lanes of the greatest byte of any centroid in a list.
  int (*total_of)(const uint16_t* centroids, int64_t n, int n_centroids, const uint8_t* bytes,
                  int stride);
  // Writes the places in a list whose centroid comes within `margin` of the greatest byte in any
  // lane, and returns how many.
  int64_t (*near_best)(const uint16_t* centroids, int64_t n, int n_centroids, const uint8_t* bytes,
                       int stride, int margin, int32_t* places);
  // Writes each unit's sum over lanes, of `best` or `floor`, whichever is greater.
  void (*totals)(const uint8_t* best, const uint8_t* floor, int stride, int64_t n_units,
                 int32_t* sums);
  void (*dots)(const int8_t* codes, const int8_t* rows, int64_t n_rows, int dim,
               int32_t* products);
  // Writes a coded row.
  void (*decode)(const uint8_t* codes, int bits, const uint8_t* levels, float scale, const int8_t* centroid,
                  float centroid_scale, const float* mean, float length, int dim, float* out);
};

struct Isa {
  const char* name;
  bool (*runs_here)();
  Kernel f32, f16, bf16, i8, coded;
  Scan scan;
};

template <class Op>
Kernel kernel_of() {
  return {Op::packed_as, Op::lanes,    Op::group,        Op::block_rows,
          Op::prepared_bytes, &Op::prepare, &Op::score};
}

}  // namespace latelight

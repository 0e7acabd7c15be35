// The contract between the driver and the instruction sets: flat arrays in, flat arrays out.
//
// A kernel scores a *tile*, some neighbouring rows of one document, against the whole packed
// query. Query rows lie across vector lanes: each lane keeps the best similarity of its own query
// row, so that nothing is ever summed across lanes. A packed query is, for each vector of `lanes`
// query rows, [dim / group][lanes][group] elements; lanes past the last query row hold zeros and
// are never read back.
#pragma once

#include <cstddef>
#include <cstdint>

namespace latelight {

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

struct Isa {
  const char* name;
  bool (*runs_here)();
  Kernel f32, f16, bf16, i8;
};

template <class Op>
Kernel kernel_of() {
  return {Op::packed_as, Op::lanes,    Op::group,        Op::block_rows,
          Op::prepared_bytes, &Op::prepare, &Op::score};
}

}  // namespace latelight

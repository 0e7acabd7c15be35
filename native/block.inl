// The register block, written once and compiled inside each instruction set's namespace, which
// defines LATELIGHT_FN (target attribute), Float (vector of `lanes` floats) and its few operations,
// and an `Arithmetic` per stored type.
//
// `block_rows` document rows meet `block_vectors` query vectors: every query vector loaded serves
// all rows, every document value broadcast serves all vectors, and the accumulators stay in
// registers.

template <class A, int n_rows, int n_vectors>
struct Block {
  typename A::Sum sums[n_rows][n_vectors];
};

template <class A, int n_rows, int n_vectors>
LATELIGHT_FN LATELIGHT_INLINE void start_block(Block<A, n_rows, n_vectors>& block,
                                               const int32_t* code_sums) {
  LATELIGHT_UNROLL
  for (int v = 0; v < n_vectors; ++v) {
    const typename A::Sum start = A::start(code_sums + v * A::lanes);
    LATELIGHT_UNROLL
    for (int r = 0; r < n_rows; ++r) block.sums[r][v] = start;
  }
}

// One instruction's worth of dims, of every row with every vector.
template <class A, int n_rows, int n_vectors>
LATELIGHT_FN LATELIGHT_INLINE void multiply_group(Block<A, n_rows, n_vectors>& block,
                                                  const typename A::Stored* rows,
                                                  const typename A::Packed* query, int dim) {
  typename A::Operand operands[n_vectors];
  LATELIGHT_UNROLL
  for (int v = 0; v < n_vectors; ++v) operands[v] = A::load_query(query + v * dim * A::lanes);
  LATELIGHT_UNROLL
  for (int r = 0; r < n_rows; ++r) {
    const typename A::Value value = A::load_value(rows + r * dim);
    LATELIGHT_UNROLL
    for (int v = 0; v < n_vectors; ++v) {
      block.sums[r][v] = A::multiply(block.sums[r][v], operands[v], value);
    }
  }
}

template <class A, int n_rows, int n_vectors>
LATELIGHT_FN LATELIGHT_INLINE void multiply_block(Block<A, n_rows, n_vectors>& block,
                                                  const typename A::Stored* rows,
                                                  const typename A::Packed* query, int dim,
                                                  const char* ahead) {
  for (int d = 0; d < dim; d += 8) {  // every dim is a multiple of 8
    // Fetched a few lines at a time: a burst would fill the queue of misses and stop the sums.
    LATELIGHT_UNROLL
    for (int i = 0; i < n_rows * 8 * A::stored_bytes; i += 64) fetch(ahead + i);
    ahead += n_rows * 8 * A::stored_bytes;
    LATELIGHT_UNROLL
    for (int i = 0; i < 8; i += A::group) {
      multiply_group(block, rows + d + i, query + (d + i) * A::lanes, dim);
    }
  }
}

template <bool with_winner>
LATELIGHT_FN LATELIGHT_INLINE void keep_best(Float similarity, int row, Float& best, Index& winner) {
  if constexpr (with_winner) winner = replace_where_greater(winner, row, similarity, best);
  best = greater(similarity, best);
}

template <class A, bool with_winner, int n_rows, int n_vectors>
LATELIGHT_FN LATELIGHT_INLINE void finish_block(const Block<A, n_rows, n_vectors>& block,
                                                const Tile& tile, int row, int lane,
                                                const Best& best) {
  LATELIGHT_UNROLL
  for (int v = 0; v < n_vectors; ++v) {
    const int at = lane + v * A::lanes;
    Float top = load_floats(best.similarity + at);
    Index winner{};
    if constexpr (with_winner) winner = load_indices(best.winner + at);
    LATELIGHT_UNROLL
    for (int r = 0; r < n_rows; ++r) {
      Float similarity = A::similarity(block.sums[r][v], tile.scales, row + r);
      if constexpr (A::has_bases) {
        similarity = add_steps(similarity, tile.bases[row + r] + at, tile.base_step);
      }
      keep_best<with_winner>(similarity, tile.first_row + row + r, top, winner);
    }
    store_floats(best.similarity + at, top);
    if constexpr (with_winner) store_indices(best.winner + at, winner);
  }
}

template <class A, int n_rows, int n_vectors>
LATELIGHT_FN LATELIGHT_INLINE void fill_block(Block<A, n_rows, n_vectors>& block,
                                              const Query& query, const Tile& tile, int row,
                                              int lane) {
  using Stored = typename A::Stored;
  using Packed = typename A::Packed;
  start_block(block, query.code_sums + lane);
  multiply_block(block, static_cast<const Stored*>(tile.rows) + int64_t{row} * query.dim,
                 static_cast<const Packed*>(query.packed) + int64_t{lane} * query.dim, query.dim,
                 tile.ahead + int64_t{row} * query.dim * A::stored_bytes);
}

template <class A, bool with_winner, int n_rows, int n_vectors>
LATELIGHT_FN void score_block(const Query& query, const Tile& tile, int row, int vector,
                              const Best& best) {
  const int lane = vector * A::lanes;
  Block<A, n_rows, n_vectors> block;
  fill_block(block, query, tile, row, lane);
  finish_block<A, with_winner>(block, tile, row, lane, best);
}

// Picks the block compiled for `n_rows`, counting down from A::block_rows.
template <class A, bool with_winner, int n_vectors, int compiled = A::block_rows>
LATELIGHT_FN void score_rows(const Query& query, const Tile& tile, int row, int n_rows, int vector,
                             const Best& best) {
  if (n_rows == compiled) {
    score_block<A, with_winner, compiled, n_vectors>(query, tile, row, vector, best);
  } else if constexpr (compiled > 1) {
    score_rows<A, with_winner, n_vectors, compiled - 1>(query, tile, row, n_rows, vector, best);
  }
}

// A last block of one row would keep few multipliers busy: the last two blocks share their rows.
template <class A>
LATELIGHT_FN LATELIGHT_INLINE int next_rows(int rows_left) {
  if (rows_left >= 2 * A::block_rows || rows_left == A::block_rows) return A::block_rows;
  return rows_left < A::block_rows ? rows_left : (rows_left + 1) / 2;
}

template <class A, bool with_winner, int n_vectors>
LATELIGHT_FN void score_vectors(const Query& query, const Tile& tile, int vector,
                                const Best& best) {
  for (int row = 0; row < tile.n_rows;) {
    const int n_rows = next_rows<A>(tile.n_rows - row);
    score_rows<A, with_winner, n_vectors>(query, tile, row, n_rows, vector, best);
    row += n_rows;
  }
}

template <class A, bool with_winner>
LATELIGHT_FN void score_tile(const Query& query, const Tile& tile, const Best& best) {
  int vector = 0;
  for (; vector + A::block_vectors <= query.n_vectors; vector += A::block_vectors) {
    score_vectors<A, with_winner, A::block_vectors>(query, tile, vector, best);
  }
  for (; vector < query.n_vectors; ++vector) {
    score_vectors<A, with_winner, 1>(query, tile, vector, best);
  }
}

template <class A>
void score_any(const Query& query, const Tile& tile, const Best& best) {
  best.winner ? score_tile<A, true>(query, tile, best) : score_tile<A, false>(query, tile, best);
}

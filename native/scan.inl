// What approximate search does besides products, compiled inside each instruction set's namespace.
// Loops of a fixed number of bytes become vector instructions there.

// 1 bit: byte j holds dims j + k * dim / 8. 2 bits: dims j + k * dim / 4. 4 bits: dims j and j + dim / 2.
// 3 bits: the two low bits as of 2, then a plane of high bits as of 1. A code stands for one of 16
// levels: that of its number, of 3 bits that of the number + 8 times the low bit of the code before it
// (`kernels/codec.py` says why). Levels come as numbers + 128.

// to[j] = levels[the bits under `mask`, `shift` up, of from[j]]
LATELIGHT_FN LATELIGHT_INLINE void look_up(const uint8_t* from, int n, int shift, int mask,
                                           const uint8_t* levels, uint8_t* to) {
  const Bytes table = twice_16(levels);
  int j = 0;
  for (; j + 32 <= n; j += 32) {
    store_bytes(to + j, lookup_bytes(table, few_bits(load_bytes(from + j), shift, mask)));
  }
  for (; j < n; ++j) to[j] = levels[from[j] >> shift & mask];
}

// to[j] = one of two levels, by the bit `shift` up of from[j]; a plane is too short for tables
LATELIGHT_FN LATELIGHT_INLINE void choose(const uint8_t* from, int n, int shift, const uint8_t* levels,
                                          uint8_t* to) {
  const uint8_t low = levels[0], high = levels[1];
  for (int j = 0; j < n; ++j) to[j] = (from[j] >> shift & 1) != 0 ? high : low;
}

// to[j] = the two low bits of a code, `shift` up of from[j]
LATELIGHT_FN LATELIGHT_INLINE void put_low_bits(const uint8_t* from, int n, int shift, uint8_t* to) {
  int j = 0;
  for (; j + 32 <= n; j += 32) store_bytes(to + j, few_bits(load_bytes(from + j), shift, 3));
  for (; j < n; ++j) to[j] = static_cast<uint8_t>(from[j] >> shift & 3);
}

LATELIGHT_FN LATELIGHT_INLINE Bytes times_4(Bytes x) {
  const Bytes two = add_bytes(x, x);
  return add_bytes(two, two);
}

// to[j] += 4 * (the bit `shift` up of from[j])
LATELIGHT_FN LATELIGHT_INLINE void add_high_bit(const uint8_t* from, int n, int shift,
                                                uint8_t* to) {
  int j = 0;
  for (; j + 32 <= n; j += 32) {
    const Bytes four = times_4(few_bits(load_bytes(from + j), shift, 1));
    store_bytes(to + j, add_bytes(load_bytes(to + j), four));
  }
  for (; j < n; ++j) to[j] = static_cast<uint8_t>(to[j] + (from[j] >> shift & 1) * 4);
}

// to[j] = levels[codes[j] + 8 * (the low bit of codes[j - 1])]
LATELIGHT_FN LATELIGHT_INLINE void look_up_pairs(const uint8_t* codes, int n, const uint8_t* levels,
                                                 uint8_t* to) {
  const Bytes table = twice_16(levels);
  int j = 0;
  for (; j + 32 <= n; j += 32) {
    const Bytes four = times_4(few_bits(load_bytes(codes + j - 1), 0, 1));
    const Bytes place = add_bytes(load_bytes(codes + j), add_bytes(four, four));
    store_bytes(to + j, lookup_bytes(table, place));
  }
  for (; j < n; ++j) to[j] = levels[codes[j] + (codes[j - 1] & 1) * 8];
}

// Writes one row's numbers + 128.
template <int bits>
LATELIGHT_FN LATELIGHT_INLINE void unpack_row(const uint8_t* packed, int dim, const uint8_t* levels,
                                              uint8_t* to) {
  constexpr int n_planes = bits == 3 ? 4 : 8 / bits;
  const int n = dim / n_planes;
  if constexpr (bits == 3) {
    uint8_t codes[32 + 1024];  // the largest dim; a code of 0 comes before the first
    codes[31] = 0;
    LATELIGHT_UNROLL
    for (int k = 0; k < 4; ++k) put_low_bits(packed, n, 2 * k, codes + 32 + k * n);
    LATELIGHT_UNROLL
    for (int k = 0; k < 8; ++k) add_high_bit(packed + n, dim / 8, k, codes + 32 + k * dim / 8);
    look_up_pairs(codes + 32, dim, levels, to);
  } else if constexpr (bits == 1) {
    LATELIGHT_UNROLL
    for (int k = 0; k < n_planes; ++k) choose(packed, n, k, levels, to + k * n);
  } else {
    LATELIGHT_UNROLL
    for (int k = 0; k < n_planes; ++k) {
      look_up(packed, n, k * bits, (1 << bits) - 1, levels, to + k * n);
    }
  }
}

template <class A, int bits>
LATELIGHT_FN void unpack_rows(const uint8_t* codes, const int32_t* chosen, int n_chosen, int dim,
                              const uint8_t* levels, typename A::Stored* to) {
  const int64_t row_bytes = dim * bits / 8;
  for (int i = 0; i < n_chosen; ++i, to += dim) {
    if constexpr (A::bias == 128) {
      unpack_row<bits>(codes + chosen[i] * row_bytes, dim, levels, to);
    } else {
      uint8_t row[1024];  // the largest dim
      unpack_row<bits>(codes + chosen[i] * row_bytes, dim, levels, row);
      for (int d = 0; d < dim; ++d) to[d] = static_cast<typename A::Stored>(row[d] - 128);
    }
  }
}

template <class A>
LATELIGHT_FN void unpack(const uint8_t* codes, const int32_t* chosen, int n_chosen, int bits,
                         int dim, const uint8_t* levels, void* prepared) {
  auto* to = static_cast<typename A::Stored*>(prepared);
  if (bits == 1) return unpack_rows<A, 1>(codes, chosen, n_chosen, dim, levels, to);
  if (bits == 2) return unpack_rows<A, 2>(codes, chosen, n_chosen, dim, levels, to);
  if (bits == 3) return unpack_rows<A, 3>(codes, chosen, n_chosen, dim, levels, to);
  unpack_rows<A, 4>(codes, chosen, n_chosen, dim, levels, to);
}

template <class A, int n_rows, int n_vectors>
LATELIGHT_FN void write_block(const Query& query, const Tile& tile, int row, int vector,
                              int stride, float* out) {
  const int lane = vector * A::lanes;
  Block<A, n_rows, n_vectors> block;
  fill_block(block, query, tile, row, lane);
  LATELIGHT_UNROLL
  for (int r = 0; r < n_rows; ++r) {
    LATELIGHT_UNROLL
    for (int v = 0; v < n_vectors; ++v) {
      store_floats(out + int64_t{row + r} * stride + lane + v * A::lanes,
                   A::similarity(block.sums[r][v], tile.scales, row + r));
    }
  }
}

template <class A, int n_vectors, int compiled = A::block_rows>
LATELIGHT_FN void write_rows(const Query& query, const Tile& tile, int row, int n_rows, int vector,
                             int stride, float* out) {
  if (n_rows == compiled) {
    write_block<A, compiled, n_vectors>(query, tile, row, vector, stride, out);
  } else if constexpr (compiled > 1) {
    write_rows<A, n_vectors, compiled - 1>(query, tile, row, n_rows, vector, stride, out);
  }
}

template <class A>
LATELIGHT_FN void similarities(const Query& query, const Tile& tile, int stride, float* out) {
  for (int row = 0; row < tile.n_rows;) {
    const int n_rows = next_rows<A>(tile.n_rows - row);
    int vector = 0;
    for (; vector + A::block_vectors <= query.n_vectors; vector += A::block_vectors) {
      write_rows<A, A::block_vectors>(query, tile, row, n_rows, vector, stride, out);
    }
    for (; vector < query.n_vectors; ++vector) {
      write_rows<A, 1>(query, tile, row, n_rows, vector, stride, out);
    }
    row += n_rows;
  }
}

LATELIGHT_FN LATELIGHT_INLINE void steps_32(const float* __restrict similarities, float per_step,
                                            int16_t* __restrict steps, int16_t* __restrict peak) {
  for (int i = 0; i < 32; ++i) {
    const auto whole = static_cast<int16_t>(static_cast<int32_t>(similarities[i] * per_step));
    steps[i] = whole;
    peak[i] = whole > peak[i] ? whole : peak[i];
  }
}

template <class A>
LATELIGHT_FN void to_steps(const float* similarities, int n_rows, int stride, float step,
                           int16_t* steps, int16_t* peak) {
  const float per_step = 1.0F / step;
  for (int r = 0; r < n_rows; ++r, similarities += stride, steps += stride) {
    for (int i = 0; i < stride; i += 32) steps_32(similarities + i, per_step, steps + i, peak + i);
  }
}

LATELIGHT_FN LATELIGHT_INLINE void count_32(const int16_t* __restrict peaks,
                                            const int16_t* __restrict bound,
                                            int16_t* __restrict count) {
  for (int i = 0; i < 32; ++i) {
    count[i] = static_cast<int16_t>(count[i] + (peaks[i] >= bound[i] ? 1 : 0));
  }
}

// Bisection, all lanes at once.
template <class A>
LATELIGHT_FN void thresholds(const int16_t* peaks, int n_rows, int stride, int rank, int16_t* out) {
  for (int at = 0; at < stride; at += 32) {
    int16_t low[32], high[32], middle[32], count[32];  // low is reached by `rank`, high is not
    for (int i = 0; i < 32; ++i) low[i] = -32767, high[i] = 32767;
    for (int round = 0; round < 16; ++round) {
      for (int i = 0; i < 32; ++i) {
        middle[i] = static_cast<int16_t>((low[i] + high[i]) >> 1);
        count[i] = 0;
      }
      for (int r = 0; r < n_rows; ++r) count_32(peaks + int64_t{r} * stride + at, middle, count);
      for (int i = 0; i < 32; ++i) {
        low[i] = count[i] >= rank ? middle[i] : low[i];
        high[i] = count[i] >= rank ? high[i] : middle[i];
      }
    }
    std::memcpy(out + at, low, sizeof low);
  }
}

LATELIGHT_FN LATELIGHT_INLINE void bytes_32(const int16_t* __restrict steps,
                                            const int16_t* __restrict low,
                                            const uint16_t* __restrict factor,
                                            uint8_t* __restrict bytes) {
  for (int i = 0; i < 32; ++i) {
    const auto above = static_cast<uint16_t>(steps[i] > low[i] ? steps[i] - low[i] : 0);
    const auto scaled = static_cast<uint16_t>((uint32_t{above} * factor[i]) >> 16);
    bytes[i] = static_cast<uint8_t>(scaled < 255 ? scaled : 255);
  }
}

template <class A>
LATELIGHT_FN void to_bytes(const int16_t* steps, const int16_t* low, const uint16_t* factor,
                           int n_rows, int stride, uint8_t* bytes) {
  for (int r = 0; r < n_rows; ++r, steps += stride, bytes += stride) {
    for (int i = 0; i < stride; i += 32) bytes_32(steps + i, low + i, factor + i, bytes + i);
  }
}

template <class A>
LATELIGHT_FN bool reaches(const int16_t* steps, const int16_t* threshold, int n) {
  for (int i = 0; i < n; i += 32) {
    if (any_reaches(steps + i, threshold + i)) return true;
  }
  return false;
}

LATELIGHT_FN LATELIGHT_INLINE void raise_32(uint8_t* best, Bytes bytes) {
  store_bytes(best, greater_bytes(load_bytes(best), bytes));
}

template <class A>
LATELIGHT_FN void raise(const uint16_t* units, int64_t n, int64_t first_unit, int64_t n_units,
                        const uint64_t* allowed, const uint8_t* bytes, int stride, uint8_t* best) {
  const auto first = static_cast<size_t>(first_unit), n_rows = static_cast<size_t>(n_units);
  if (!allowed && stride == 32) {
    const Bytes raised = load_bytes(bytes);
    for (int64_t i = 0; i < n; ++i) {
      const size_t row = units[i] - first;  // of a unit before the first it is huge
      if (row < n_rows) raise_32(best + row * 32, raised);
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const size_t unit = units[i], row = unit - first;
    if (row >= n_rows) continue;
    if (allowed && !(allowed[unit / 64] >> (unit % 64) & 1)) continue;
    for (int at = 0; at < stride; at += 32) raise_32(best + row * stride + at, load_bytes(bytes + at));
  }
}

// The greatest byte of each of 32 lanes.
LATELIGHT_FN LATELIGHT_INLINE Bytes greatest_of(const uint16_t* centroids, int64_t n,
                                                int n_centroids, const uint8_t* bytes, int stride) {
  Bytes most = no_bytes();
  for (int64_t i = 0; i < n; ++i) {
    if (centroids[i] >= n_centroids) continue;
    most = greater_bytes(most, load_bytes(bytes + size_t{centroids[i]} * stride));
  }
  return most;
}

template <class A>
LATELIGHT_FN int total_of(const uint16_t* centroids, int64_t n, int n_centroids,
                          const uint8_t* bytes, int stride) {
  int sum = 0;
  for (int at = 0; at < stride; at += 32) {
    sum += sum_bytes(greatest_of(centroids, n, n_centroids, bytes + at, stride));
  }
  return sum;
}

template <class A>
LATELIGHT_FN int64_t near_best(const uint16_t* centroids, int64_t n, int n_centroids,
                               const uint8_t* bytes, int stride, int margin, int32_t* places) {
  uint8_t bound[1024];  // lanes of the longest query
  for (int at = 0; at < stride; at += 32) {
    const Bytes most = greatest_of(centroids, n, n_centroids, bytes + at, stride);
    store_bytes(bound + at, less_bytes(most, all_bytes(margin)));
  }
  int64_t n_near = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (centroids[i] >= n_centroids) continue;
    const uint8_t* row = bytes + size_t{centroids[i]} * stride;
    bool is_near = false;
    for (int at = 0; at < stride && !is_near; at += 32) {
      is_near = any_above(load_bytes(row + at), load_bytes(bound + at));
    }
    places[n_near] = static_cast<int32_t>(i);
    n_near += is_near ? 1 : 0;
  }
  return n_near;
}

template <class A>
LATELIGHT_FN void totals(const uint8_t* best, const uint8_t* floor, int stride, int64_t n_units,
                         int32_t* sums) {
  int64_t u = 0;
  if (stride == 32) {
    const Bytes low = load_bytes(floor);
    for (; u + 4 <= n_units; u += 4, best += 128) {
      sum_4(greater_bytes(load_bytes(best), low), greater_bytes(load_bytes(best + 32), low),
            greater_bytes(load_bytes(best + 64), low), greater_bytes(load_bytes(best + 96), low),
            sums + u);
    }
  }
  for (; u < n_units; ++u, best += stride) {
    int sum = 0;
    for (int at = 0; at < stride; at += 32) {
      sum += sum_bytes(greater_bytes(load_bytes(best + at), load_bytes(floor + at)));
    }
    sums[u] = sum;
  }
}

template <class A>
LATELIGHT_FN void dots(const int8_t* codes, const int8_t* rows, int64_t n_rows, int dim,
                       int32_t* products) {
  for (int64_t r = 0; r < n_rows; ++r) products[r] = dot_codes(codes, rows + r * dim, dim);
}

// Four rows of the matrix at a time: what they are added to is read and written once for all.
LATELIGHT_FN LATELIGHT_INLINE void add_4(const float* factors, const float* __restrict from, int n,
                                         float* __restrict to) {
  const float a = factors[0], b = factors[1], c = factors[2], d = factors[3];
  for (int i = 0; i < n; ++i) {
    to[i] = to[i] + a * from[i] + b * from[n + i] + c * from[2 * n + i] + d * from[3 * n + i];
  }
}

template <class A>
LATELIGHT_FN void turn(const float* rows, int n, int dim, const float* matrix, float* out) {
  for (int r = 0; r < n; ++r, rows += dim, out += dim) {
    for (int d = 0; d < dim; ++d) out[d] = 0;
    for (int k = 0; k < dim; k += 4) add_4(rows + k, matrix + int64_t{k} * dim, dim, out);
  }
}

// Rows of residual codes, unpacked; each row adds the similarities of its centroid.
struct Coded : Codes {
  static constexpr bool has_bases = true;
  static constexpr int stored_bytes = 0;  // what is read ahead are codes, and few
  static constexpr int bias = std::is_unsigned_v<Stored> ? 128 : 0;  // of an unpacked number
  static constexpr int prepared_bytes = sizeof(Stored);
  static void prepare(const void*, int64_t, void*) {}
  static void score(const Query& q, const Tile& t, const Best& b) { score_any<Coded>(q, t, b); }
};

#include "decode.inl"

template <class A>
Scan scan_of() {
  return {&turn<A>,    &unpack<A>,  &similarities<A>, &to_steps<A>, &thresholds<A>, &to_bytes<A>,
          &reaches<A>, &raise<A>,        &total_of<A>, &near_best<A>, &totals<A>, &dots<A>,
          &decode<A>};
}

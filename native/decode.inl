// Rows read back from their codes, compiled inside each instruction set's namespace. Every number is
// the result of single operations in a fixed order, none contracted, so that all instruction sets
// agree bit by bit.

LATELIGHT_FN LATELIGHT_INLINE float sum_of_squares(const float* __restrict row, int dim) {
  float sums[8] = {};  // every dim is a multiple of 8
  for (int d = 0; d < dim; d += 8) {
    for (int i = 0; i < 8; ++i) sums[i] += row[d + i] * row[d + i];
  }
  for (int half = 4; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) sums[i] += sums[i + half];
  }
  return sums[0];
}

LATELIGHT_FN LATELIGHT_INLINE void restore_row(const uint8_t* __restrict numbers, float scale,
                                               const int8_t* __restrict centroid,
                                               float centroid_scale,
                                               const float* __restrict mean, int dim,
                                               float* __restrict row) {
  for (int d = 0; d < dim; ++d) {
    const float own = static_cast<float>(numbers[d] - 128) * scale;
    const float shared = static_cast<float>(centroid[d]) * centroid_scale;
    row[d] = (own + shared) + mean[d];
  }
}

LATELIGHT_FN LATELIGHT_INLINE void multiply_row(float factor, int dim, float* __restrict row) {
  for (int d = 0; d < dim; ++d) row[d] *= factor;
}

// Writes the row that is centroid + mean + scale * level of each code; with a length, stretched to it.
template <class A>
LATELIGHT_FN void decode(const uint8_t* codes, int bits, const uint8_t* levels, float scale,
                         const int8_t* centroid, float centroid_scale, const float* mean,
                         float length, int dim, float* out) {
  uint8_t numbers[1024];  // the largest dim
  if (bits == 1) unpack_row<1>(codes, dim, levels, numbers);
  if (bits == 2) unpack_row<2>(codes, dim, levels, numbers);
  if (bits == 3) unpack_row<3>(codes, dim, levels, numbers);
  if (bits == 4) unpack_row<4>(codes, dim, levels, numbers);
  restore_row(numbers, scale, centroid, centroid_scale, mean, dim, out);
  if (length <= 0) return;
  const float squares = sum_of_squares(out, dim);
  if (squares > 0) multiply_row(length / std::sqrt(squares), dim, out);
}

// Scratch memory that starts on a cache line.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace latelight {

template <class T>
class Buffer {
 public:
  explicit Buffer(size_t n) : data_(static_cast<T*>(::operator new(n * sizeof(T) + 64, line))) {}
  T* get() const { return data_.get(); }
  T& operator[](size_t i) const { return data_.get()[i]; }

 private:
  static constexpr std::align_val_t line{64};
  struct Free {
    void operator()(T* p) const { ::operator delete(p, line); }
  };
  std::unique_ptr<T, Free> data_;
};

}  // namespace latelight

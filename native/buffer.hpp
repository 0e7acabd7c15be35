// Scratch memory that starts on a cache line.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace latelight {

constexpr std::align_val_t cache_line{64};

template <class T>
class Buffer {
 public:
  explicit Buffer(size_t n)
      : data_(static_cast<T*>(::operator new(n * sizeof(T) + 64, cache_line))) {}
  T* get() const { return data_.get(); }
  T& operator[](size_t i) const { return data_.get()[i]; }

 private:
  struct Free {
    void operator()(T* p) const { ::operator delete(p, cache_line); }
  };
  std::unique_ptr<T, Free> data_;
};

template <class T>
struct LineAllocator {
  using value_type = T;
  LineAllocator() = default;
  template <class Other>
  LineAllocator(const LineAllocator<Other>&) {}
  T* allocate(size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), cache_line)); }
  void deallocate(T* p, size_t) { ::operator delete(p, cache_line); }
  bool operator==(const LineAllocator&) const { return true; }
};

// A vector of rows that are loaded whole: one that crosses a cache line costs two loads.
template <class T>
using AlignedVector = std::vector<T, LineAllocator<T>>;

}  // namespace latelight

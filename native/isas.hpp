// Which instruction sets this build holds, the fastest first, and which run on this processor.
#pragma once

#include <cstring>
#include <vector>

#include "cpu.hpp"
#include "kernel.hpp"
#include "platform.hpp"
#include "portable.hpp"
#if defined(LATELIGHT_X86)
#include "avx2.hpp"
#include "avx512.hpp"
#include "avx_vnni.hpp"
#elif defined(LATELIGHT_ARM64)
#include "neon.hpp"
#endif

namespace latelight {

template <class F32, class F16, class Bf16, class I8, class Coded>
Isa isa_of(const char* name, bool (*runs_here)(), const Scan& scan) {
  return {name,
          runs_here,
          kernel_of<F32>(),
          kernel_of<F16>(),
          kernel_of<Bf16>(),
          kernel_of<I8>(),
          kernel_of<Coded>(),
          scan};
}

inline const std::vector<Isa>& compiled_isas() {
  static const std::vector<Isa> isas{
#if defined(LATELIGHT_X86)
      isa_of<avx512::F32, avx512::F16, avx512::Bf16Pairs, avx512::I8, avx512::Coded>(
          "avx512_bf16", cpu::has_avx512_bf16, avx512::scan_of<avx512::Coded>()),
      isa_of<avx512::F32, avx512::F16, avx512::Bf16, avx512::I8, avx512::Coded>(
          "avx512", cpu::has_avx512_vnni, avx512::scan_of<avx512::Coded>()),
      isa_of<avx_vnni::F32, avx_vnni::F16, avx_vnni::Bf16, avx_vnni::I8, avx_vnni::Coded>(
          "avx_vnni", cpu::has_avx_vnni, avx_vnni::scan_of<avx_vnni::Coded>()),
      isa_of<avx2::F32, avx2::F16, avx2::Bf16, avx2::I8, avx2::Coded>(
          "avx2", cpu::has_avx2, avx2::scan_of<avx2::Coded>()),
#elif defined(LATELIGHT_ARM64)
      isa_of<neon::F32, neon::F16, neon::Bf16, neon::I8Dot, neon::dotprod::Coded>(
          "neon_dotprod", cpu::has_dotprod, neon::dotprod::scan_of<neon::dotprod::Coded>()),
      isa_of<neon::F32, neon::F16, neon::Bf16, neon::I8, neon::Coded>(
          "neon", cpu::always, neon::scan_of<neon::Coded>()),
#endif
      isa_of<portable::F32, portable::F16, portable::Bf16, portable::I8, portable::Coded>(
          "portable", cpu::always, portable::scan_of<portable::Coded>()),
  };
  return isas;
}

// Asked once: cpuid leaves a virtual machine, tens of microseconds each time.
inline const std::vector<Isa>& isas_here() {
  static const std::vector<Isa> isas = [] {
    std::vector<Isa> here;
    for (const Isa& isa : compiled_isas()) {
      if (isa.runs_here()) here.push_back(isa);
    }
    return here;
  }();
  return isas;
}

inline const Isa* find_isa(const char* name) {
  for (const Isa& isa : isas_here()) {
    if (std::strcmp(isa.name, name) == 0) return &isa;
  }
  return nullptr;
}

inline const Kernel& kernel_for(const Isa& isa, const char* stored_as) {
  if (std::strcmp(stored_as, "f32") == 0) return isa.f32;
  if (std::strcmp(stored_as, "f16") == 0) return isa.f16;
  return std::strcmp(stored_as, "bf16") == 0 ? isa.bf16 : isa.i8;
}

}  // namespace latelight

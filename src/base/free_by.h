// FreeBy: a deleter for std::unique_ptr that calls a C library's function.
#pragma once

namespace starling {

// As in std::unique_ptr<X509, FreeBy<X509_free>>.
template <auto Free>
struct FreeBy {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

}  // namespace starling

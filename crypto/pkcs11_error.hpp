#pragma once
// What a PKCS#11 module answers when it does not do what it is asked, in words. Values, any thread.

#include <string>

namespace coffer::crypto {

/// The constant's name (PKCS #11 v2.40, section 5.1) and, where there is something to do, what; "0x80000005, an error of the
/// vendor's own" for one that the standard does not name.
std::string pkcs11_error(unsigned long code);

/// Does it say that what was to be opened is not what the key has sealed? Everything else is the device's trouble.
bool is_wrong_ciphertext(unsigned long code);

}  // namespace coffer::crypto

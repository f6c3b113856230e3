// See pkcs11_error.hpp.

#include "crypto/pkcs11_error.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include <p11-kit/pkcs11.h>

namespace coffer::crypto {
namespace {

struct ReturnValue {
  CK_RV code;
  std::string_view name;
  std::string_view advice;  // empty: nothing helps but the vendor's manual
};

constexpr std::string_view kAnotherDevice =
    "the device does not do AES-256-GCM; another one, or another kind of seal, does";
constexpr std::string_view kLook = "look at the device and its module's log";
constexpr std::string_view kAttached = "see whether the device is attached and its service runs";
constexpr std::string_view kAnotherKey =
    "it is no AES-256 key for encryption; name another one in seal.pkcs11.key, or none: it is made";

// Of the calls that a seal makes: finding the token, logging in, finding or making a key, encrypting and decrypting.
constexpr std::array kValues{
    ReturnValue{CKR_HOST_MEMORY, "CKR_HOST_MEMORY", "this machine has too little memory for the module"},
    ReturnValue{CKR_SLOT_ID_INVALID, "CKR_SLOT_ID_INVALID", kAttached},
    ReturnValue{CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR", kLook},
    ReturnValue{CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED", kLook},
    ReturnValue{CKR_ARGUMENTS_BAD, "CKR_ARGUMENTS_BAD", kLook},
    ReturnValue{CKR_NEED_TO_CREATE_THREADS, "CKR_NEED_TO_CREATE_THREADS", kLook},
    ReturnValue{CKR_CANT_LOCK, "CKR_CANT_LOCK", "the module is not made for programs with threads"},
    ReturnValue{CKR_ATTRIBUTE_READ_ONLY, "CKR_ATTRIBUTE_READ_ONLY", "make the key with the device's own tools"},
    ReturnValue{CKR_ATTRIBUTE_TYPE_INVALID, "CKR_ATTRIBUTE_TYPE_INVALID", "make the key with the device's own tools"},
    ReturnValue{CKR_ATTRIBUTE_VALUE_INVALID, "CKR_ATTRIBUTE_VALUE_INVALID", "make the key with the device's own tools"},
    ReturnValue{CKR_DATA_INVALID, "CKR_DATA_INVALID", {}},
    ReturnValue{CKR_DATA_LEN_RANGE, "CKR_DATA_LEN_RANGE", {}},
    ReturnValue{CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR", kLook},
    ReturnValue{CKR_DEVICE_MEMORY, "CKR_DEVICE_MEMORY", "the device is full: remove keys that nothing uses"},
    ReturnValue{CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED", kAttached},
    ReturnValue{CKR_ENCRYPTED_DATA_INVALID, "CKR_ENCRYPTED_DATA_INVALID", {}},
    ReturnValue{CKR_ENCRYPTED_DATA_LEN_RANGE, "CKR_ENCRYPTED_DATA_LEN_RANGE", {}},
    ReturnValue{CKR_FUNCTION_CANCELED, "CKR_FUNCTION_CANCELED", {}},
    ReturnValue{CKR_FUNCTION_NOT_SUPPORTED, "CKR_FUNCTION_NOT_SUPPORTED", kAnotherDevice},
    ReturnValue{CKR_KEY_HANDLE_INVALID, "CKR_KEY_HANDLE_INVALID", kAnotherKey},
    ReturnValue{CKR_KEY_SIZE_RANGE, "CKR_KEY_SIZE_RANGE", kAnotherKey},
    ReturnValue{CKR_KEY_TYPE_INCONSISTENT, "CKR_KEY_TYPE_INCONSISTENT", kAnotherKey},
    ReturnValue{CKR_KEY_FUNCTION_NOT_PERMITTED, "CKR_KEY_FUNCTION_NOT_PERMITTED", kAnotherKey},
    ReturnValue{CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID", kAnotherDevice},
    ReturnValue{CKR_MECHANISM_PARAM_INVALID, "CKR_MECHANISM_PARAM_INVALID", kAnotherDevice},
    ReturnValue{CKR_OPERATION_ACTIVE, "CKR_OPERATION_ACTIVE", "somebody else uses the session; try again"},
    ReturnValue{CKR_OPERATION_NOT_INITIALIZED, "CKR_OPERATION_NOT_INITIALIZED", kLook},
    ReturnValue{CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT",
                "put the user's PIN into that file; some devices lock after a few wrong ones"},
    ReturnValue{CKR_PIN_INVALID, "CKR_PIN_INVALID", "put the user's PIN into that file"},
    ReturnValue{CKR_PIN_LEN_RANGE, "CKR_PIN_LEN_RANGE", "put the user's PIN into that file, and nothing else"},
    ReturnValue{CKR_PIN_EXPIRED, "CKR_PIN_EXPIRED", "set a new PIN with the device's own tools"},
    ReturnValue{CKR_PIN_LOCKED, "CKR_PIN_LOCKED", "the security officer unlocks it with the device's own tools"},
    ReturnValue{CKR_SESSION_CLOSED, "CKR_SESSION_CLOSED", kAttached},
    ReturnValue{CKR_SESSION_COUNT, "CKR_SESSION_COUNT", "other programs hold all of its sessions; end one of them"},
    ReturnValue{CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID", kAttached},
    ReturnValue{CKR_SESSION_READ_ONLY, "CKR_SESSION_READ_ONLY", "make the key with the device's own tools"},
    ReturnValue{CKR_SESSION_READ_WRITE_SO_EXISTS, "CKR_SESSION_READ_WRITE_SO_EXISTS",
                "the security officer is logged in; log him out"},
    ReturnValue{CKR_TEMPLATE_INCOMPLETE, "CKR_TEMPLATE_INCOMPLETE", "make the key with the device's own tools"},
    ReturnValue{CKR_TEMPLATE_INCONSISTENT, "CKR_TEMPLATE_INCONSISTENT", "make the key with the device's own tools"},
    ReturnValue{CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT", kAttached},
    ReturnValue{CKR_TOKEN_NOT_RECOGNIZED, "CKR_TOKEN_NOT_RECOGNIZED", "the module is not this device's"},
    ReturnValue{CKR_TOKEN_WRITE_PROTECTED, "CKR_TOKEN_WRITE_PROTECTED", "make the key with the device's own tools"},
    ReturnValue{CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN", "see whether the PIN is that of the user"},
    ReturnValue{CKR_USER_PIN_NOT_INITIALIZED, "CKR_USER_PIN_NOT_INITIALIZED",
                "the security officer sets the user's PIN with the device's own tools"},
    ReturnValue{CKR_USER_ANOTHER_ALREADY_LOGGED_IN, "CKR_USER_ANOTHER_ALREADY_LOGGED_IN", "log the other one out"},
    ReturnValue{CKR_USER_TOO_MANY_TYPES, "CKR_USER_TOO_MANY_TYPES", "log the others out"},
    ReturnValue{CKR_RANDOM_NO_RNG, "CKR_RANDOM_NO_RNG", "make the key with the device's own tools"},
    ReturnValue{CKR_BUFFER_TOO_SMALL, "CKR_BUFFER_TOO_SMALL", {}},
    ReturnValue{CKR_CRYPTOKI_NOT_INITIALIZED, "CKR_CRYPTOKI_NOT_INITIALIZED", kLook},
    ReturnValue{CKR_FUNCTION_REJECTED, "CKR_FUNCTION_REJECTED", "whoever keeps the device has refused it"},
};

}  // namespace

std::string pkcs11_error(unsigned long code) {
  const auto* const known = std::ranges::find(kValues, code, &ReturnValue::code);
  if (known != kValues.end()) {
    return std::string(known->name) + (known->advice.empty() ? "" : ": ") + std::string(known->advice);
  }
  std::array<char, 24> number{};
  std::snprintf(number.data(), number.size(), "0x%lx", code);
  return std::string(number.data()) + ((code & CKR_VENDOR_DEFINED) != 0 ? ", an error of the vendor's own" : "");
}

bool is_wrong_ciphertext(unsigned long code) {
  // SoftHSM answers a tag that does not match with the general error.
  return code == CKR_ENCRYPTED_DATA_INVALID || code == CKR_ENCRYPTED_DATA_LEN_RANGE || code == CKR_DATA_INVALID ||
         code == CKR_GENERAL_ERROR || code == CKR_FUNCTION_FAILED;
}

}  // namespace coffer::crypto

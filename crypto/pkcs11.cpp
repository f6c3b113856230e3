// The seal that is a key in a device: PKCS#11 v2.40 (OASIS) through the module's own functions, loaded at run time. The
// header is p11-kit's; nothing of it is linked. Blocks while the device works. See seal.hpp.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <p11-kit/pkcs11.h>

#include "crypto/openssl.hpp"
#include "crypto/pkcs11_error.hpp"
#include "crypto/seal.hpp"

namespace coffer::crypto {
namespace {

constexpr std::size_t kDeviceIv = 12;
constexpr std::size_t kDeviceTag = 16;
constexpr CK_ULONG kAesKeyBytes = 32;

model::Error not_there(const std::string& what) { return {model::Code::unavailable, "the PKCS#11 " + what}; }
model::Error not_there(const std::string& what, CK_RV code) {
  return not_there(what + " (" + pkcs11_error(code) + ")");
}

model::Result<model::Secret> read_pin(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return model::Error(model::Code::invalid_argument,
                        "the PIN file " + path + " cannot be opened: " + std::strerror(errno));
  }
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || (info.st_mode & 077) != 0) {
    ::close(fd);
    return model::Error(model::Code::invalid_argument,
                        "the PIN file " + path + " must be a file that only its owner can read (chmod 600)");
  }
  model::Secret pin = model::Secret::of_size(256);
  const ssize_t size = ::read(fd, pin.expose_mutable(), pin.size());
  ::close(fd);
  std::string_view text = pin.expose().substr(0, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  if (text.empty()) return model::Error(model::Code::invalid_argument, "the PIN file " + path + " holds no PIN");
  return model::Secret(text);
}

/// A module that is loaded, a session that is logged in; both end with it.
class Device {
 public:
  static model::Result<std::unique_ptr<Device>> open(const Pkcs11Settings& settings) {
    std::unique_ptr<Device> device(new Device);
    if (auto status = device->load(settings.module); !status) return status.error();
    if (auto status = device->log_in(settings); !status) return status.error();
    return device;
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() {
    if (session_ != 0) call_->C_CloseSession(session_);
    if (initialized_) call_->C_Finalize(nullptr);
    if (library_ != nullptr) ::dlclose(library_);
  }

  /// The AES key of that label; zero when there is none.
  model::Result<CK_OBJECT_HANDLE> find_key(const std::string& label) {
    CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
    CK_KEY_TYPE aes = CKK_AES;
    std::string text = label;
    std::array<CK_ATTRIBUTE, 3> wanted{CK_ATTRIBUTE{CKA_CLASS, &secret, sizeof secret},
                                       CK_ATTRIBUTE{CKA_KEY_TYPE, &aes, sizeof aes},
                                       CK_ATTRIBUTE{CKA_LABEL, text.data(), text.size()}};
    if (const CK_RV rv = call_->C_FindObjectsInit(session_, wanted.data(), wanted.size()); rv != CKR_OK) {
      return not_there("token cannot be searched", rv);
    }
    CK_OBJECT_HANDLE found = 0;
    CK_ULONG count = 0;
    const CK_RV rv = call_->C_FindObjects(session_, &found, 1, &count);
    call_->C_FindObjectsFinal(session_);
    if (rv != CKR_OK) return not_there("token cannot be searched", rv);
    return count == 0 ? CK_OBJECT_HANDLE{0} : found;
  }

  model::Result<CK_OBJECT_HANDLE> make_key(const std::string& label) {
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ULONG size = kAesKeyBytes;
    std::string text = label;
    std::array<CK_ATTRIBUTE, 8> wanted{
        CK_ATTRIBUTE{CKA_TOKEN, &yes, sizeof yes},         CK_ATTRIBUTE{CKA_PRIVATE, &yes, sizeof yes},
        CK_ATTRIBUTE{CKA_SENSITIVE, &yes, sizeof yes},     CK_ATTRIBUTE{CKA_EXTRACTABLE, &no, sizeof no},
        CK_ATTRIBUTE{CKA_ENCRYPT, &yes, sizeof yes},       CK_ATTRIBUTE{CKA_DECRYPT, &yes, sizeof yes},
        CK_ATTRIBUTE{CKA_LABEL, text.data(), text.size()}, CK_ATTRIBUTE{CKA_VALUE_LEN, &size, sizeof size}};
    CK_MECHANISM generate{CKM_AES_KEY_GEN, nullptr, 0};
    CK_OBJECT_HANDLE key = 0;
    if (const CK_RV rv = call_->C_GenerateKey(session_, &generate, wanted.data(), wanted.size(), &key); rv != CKR_OK) {
      return not_there("token makes no AES key", rv);
    }
    return key;
  }

  model::Result<std::string> encrypt(CK_OBJECT_HANDLE key, std::string iv, std::string identity, std::string_view in) {
    CK_GCM_PARAMS parameters = gcm(iv, identity);
    CK_MECHANISM mechanism{CKM_AES_GCM, &parameters, sizeof parameters};
    CK_RV rv = call_->C_EncryptInit(session_, &mechanism, key);
    std::string out(in.size() + kDeviceTag, '\0');
    CK_ULONG size = out.size();
    if (rv == CKR_OK) {
      rv =
          call_->C_Encrypt(session_, const_cast<CK_BYTE*>(as_bytes(in.data())), in.size(), as_bytes(out.data()), &size);
    }
    if (rv != CKR_OK) return not_there("token does not encrypt by AES-GCM", rv);
    out.resize(size);
    return out;
  }

  model::Result<model::Secret> decrypt(CK_OBJECT_HANDLE key, const std::string& label, std::string iv,
                                       std::string identity, std::string_view in) {
    CK_GCM_PARAMS parameters = gcm(iv, identity);
    CK_MECHANISM mechanism{CKM_AES_GCM, &parameters, sizeof parameters};
    CK_RV rv = call_->C_DecryptInit(session_, &mechanism, key);
    model::Secret out = model::Secret::of_size(in.size());
    CK_ULONG size = out.size();
    if (rv == CKR_OK) {
      rv = call_->C_Decrypt(session_, const_cast<CK_BYTE*>(as_bytes(in.data())), in.size(),
                            as_bytes(out.expose_mutable()), &size);
    }
    if (rv != CKR_OK && !is_wrong_ciphertext(rv)) return not_there("token does not decrypt by AES-GCM", rv);
    if (rv != CKR_OK || size != Key::kSize) {
      return model::Error(model::Code::key_mismatch,
                          "the PKCS#11 key " + label +
                              " does not open the seal: it is another one, or the record was "
                              "altered" +
                              (rv == CKR_OK ? "" : " (" + pkcs11_error(rv) + ")"));
    }
    out.resize(size);
    return out;
  }

 private:
  Device() = default;

  static CK_GCM_PARAMS gcm(std::string& iv, std::string& identity) {
    return {as_bytes(iv.data()), iv.size(), iv.size() * 8, as_bytes(identity.data()), identity.size(), kDeviceTag * 8};
  }

  model::Status load(const std::string& module) {
    library_ = ::dlopen(module.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library_ == nullptr) {
      const char* const reason = ::dlerror();
      return not_there("module " + module +
                       " cannot be loaded: " + (reason == nullptr ? "no reason is given" : reason));
    }
    const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library_, "C_GetFunctionList"));
    if (get == nullptr) return not_there("module " + module + " is none: it has no C_GetFunctionList");
    if (const CK_RV rv = get(&call_); rv != CKR_OK) return not_there("module " + module + " does not start", rv);
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    const CK_RV rv = call_->C_Initialize(&arguments);
    initialized_ = rv == CKR_OK;
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
      return not_there("module " + module + " does not start", rv);
    }
    return {};
  }

  model::Status log_in(const Pkcs11Settings& settings) {
    auto pin = read_pin(settings.pin_file);
    if (!pin.ok()) return pin.error();
    std::array<CK_SLOT_ID, 64> slots{};
    CK_ULONG count = slots.size();
    if (const CK_RV rv = call_->C_GetSlotList(CK_TRUE, slots.data(), &count); rv != CKR_OK) {
      return not_there("module lists no slots", rv);
    }
    std::string others;
    for (CK_ULONG i = 0; i < count; ++i) {
      CK_TOKEN_INFO info{};
      if (call_->C_GetTokenInfo(slots[i], &info) != CKR_OK) continue;
      std::string_view label(reinterpret_cast<const char*>(info.label), sizeof info.label);
      label = label.substr(0, label.find_last_not_of(' ') + 1);
      if (const std::string& wanted = settings.token; label != wanted) {
        if (!label.empty()) others.append(others.empty() ? "" : ", ").append(label);
        continue;
      }
      CK_RV rv = call_->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session_);
      if (rv != CKR_OK) return not_there("token " + settings.token + " opens no session", rv);
      rv = call_->C_Login(session_, CKU_USER, as_bytes(pin->expose_mutable()), pin->size());
      if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN) return {};
      return not_there("token " + settings.token + " refuses the PIN in " + settings.pin_file, rv);
    }
    return not_there("token " + settings.token + " is not there: the module " + settings.module + " has " +
                     (others.empty() ? "none" : others));
  }

  void* library_ = nullptr;
  CK_FUNCTION_LIST* call_ = nullptr;
  CK_SESSION_HANDLE session_ = 0;
  bool initialized_ = false;
};

std::string device_identity(std::string_view cluster_id) { return "coffer seal" + std::string(cluster_id); }

class Pkcs11Seal final : public Seal {
 public:
  Pkcs11Seal(std::string name, Pkcs11Settings settings) : name_(std::move(name)), settings_(std::move(settings)) {}

  std::string_view kind() const override { return kPkcs11Seal; }

  model::Result<store::v1::SealRecord> wrap(const Key& root, std::string_view cluster_id, Random& random) override {
    const auto device = Device::open(settings_);
    if (!device.ok()) return device.error();
    auto handle = (*device)->find_key(settings_.key);
    if (handle.ok() && *handle == 0) handle = (*device)->make_key(settings_.key);
    if (!handle.ok()) return handle.error();
    const Key seal_key = Key::generate(random);
    store::v1::SealRecord record;
    record.set_kind(std::string(kPkcs11Seal));
    record.set_name(name_);
    auto* fields = record.mutable_pkcs11();
    fields->set_token(settings_.token);
    fields->set_key(settings_.key);
    fields->set_iv(random.bytes(kDeviceIv));
    auto wrapped = (*device)->encrypt(*handle, fields->iv(), device_identity(cluster_id), seal_key.bytes());
    if (!wrapped.ok()) return wrapped.error();
    fields->set_wrapped_key(std::move(*wrapped));
    fill_seal(record, seal_key, root, cluster_id, random);
    return record;
  }

  model::Result<Key> unwrap(const store::v1::SealRecord& record, std::string_view cluster_id) override {
    if (record.kind() != kPkcs11Seal) {
      return model::Error(model::Code::key_mismatch, "this cluster has no PKCS#11 seal");
    }
    const auto device = Device::open(settings_);
    if (!device.ok()) return device.error();
    const auto handle = (*device)->find_key(record.pkcs11().key());
    if (!handle.ok()) return handle.error();
    if (*handle == 0) {
      return not_there("token " + settings_.token + " holds no AES key " + record.pkcs11().key() +
                       ": it was removed, or it is another token of this name");
    }
    const auto seal_key = (*device)->decrypt(*handle, record.pkcs11().key(), record.pkcs11().iv(),
                                             device_identity(cluster_id), record.pkcs11().wrapped_key());
    if (!seal_key.ok()) return seal_key.error();
    return open_seal(record, Key::from_bytes(seal_key->expose()), cluster_id);
  }

 private:
  const std::string name_;
  const Pkcs11Settings settings_;
};

}  // namespace

std::unique_ptr<Seal> make_pkcs11_seal(std::string name, Pkcs11Settings settings) {
  return std::make_unique<Pkcs11Seal>(std::move(name), std::move(settings));
}

}  // namespace coffer::crypto

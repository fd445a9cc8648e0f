// ObjectStore over a Client: each method is one S3 operation, or a few.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "embedded_store/object_store.h"
#include "embedded_store/remote/client.h"
#include "sandbox/base/env.h"

namespace store::remote {

class RemoteStore final : public ObjectStore {
 public:
  RemoteStore(sandbox::Env& env, RemoteStoreOptions options)
      : env_(env), client_(env, std::move(options)) {}

  void create_bucket(const std::string& bucket, const std::string& region) override;
  std::optional<BucketInfo> find_bucket(const std::string& bucket) override;
  std::vector<BucketInfo> buckets() override;
  void delete_bucket(const std::string& bucket) override;

  std::unique_ptr<ObjectWriter> begin_put(const std::string& bucket,
                                          const std::string& key,
                                          const ObjectHeaders& headers) override;
  std::unique_ptr<ObjectReader> open(const std::string& bucket, const std::string& key) override;
  std::optional<ObjectInfo> find(const std::string& bucket, const std::string& key) override;
  std::map<std::string, std::string> tags(const std::string& bucket,
                                          const std::string& key) override;
  bool remove(const std::string& bucket, const std::string& key) override;
  void remove_all(const std::string& bucket, const std::vector<std::string>& keys) override;
  ListPage list(const std::string& bucket, const ListQuery& query) override;

  UploadInfo create_upload(UploadInfo request) override;
  UploadInfo upload(const std::string& bucket,
                    const std::string& key,
                    const std::string& id) override;
  std::unique_ptr<ObjectWriter> begin_part(const UploadInfo& upload, int number) override;
  std::vector<PartInfo> parts(const UploadInfo& upload, int after, int parts_max) override;
  ObjectInfo complete_upload(const UploadInfo& upload,
                             const std::vector<CompletedPart>& parts,
                             const std::vector<Checksum>& checksums,
                             const WriteConditions& conditions) override;
  void abort_upload(const UploadInfo& upload) override;
  std::vector<UploadInfo> uploads(const std::string& bucket,
                                  const std::string& prefix,
                                  const std::string& key_after,
                                  const std::string& id_after,
                                  int uploads_max) override;
  Usage usage(const std::string& bucket) override;

  // For the writers.
  [[nodiscard]] Client& client() { return client_; }
  [[nodiscard]] sandbox::Env& env() { return env_; }

 private:
  sandbox::Env& env_;
  Client client_;
};

// The headers of a request that stores an object.
using HeaderList = std::vector<std::pair<std::string, std::string>>;
HeaderList write_headers(const ObjectHeaders& headers, const WriteConditions& conditions = {});
// What an answer's headers say of an object.
ObjectInfo read_info(const std::string& bucket,
                     const std::string& key,
                     const sandbox::http::Headers& headers);

// Puts an object whose size is not known before its end: a single request for a small one, parts
// for a larger one.
std::unique_ptr<ObjectWriter> put_writer(RemoteStore& store,
                                         std::string bucket,
                                         std::string key,
                                         ObjectHeaders headers);
// Puts one part of any size. It waits in a file without a name until its size is known.
std::unique_ptr<ObjectWriter> part_writer(RemoteStore& store, UploadInfo upload, int number);

}  // namespace store::remote

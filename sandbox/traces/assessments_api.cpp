#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/traces/api.h"
#include "sandbox/traces/assessments.h"

namespace sandbox::traces {
namespace {

struct CreateAssessment {
  std::string trace_id;
  Assessment assessment;
  static constexpr auto fields() {
    return std::tuple{in_path("trace_id", &CreateAssessment::trace_id),
                      required("assessment", &CreateAssessment::assessment)};
  }
};

struct AssessmentName {
  std::string trace_id;
  std::string assessment_id;
  static constexpr auto fields() {
    return std::tuple{in_path("trace_id", &AssessmentName::trace_id),
                      in_path("assessment_id", &AssessmentName::assessment_id)};
  }
};

struct UpdateAssessment {
  std::string trace_id;
  std::string assessment_id;
  Assessment assessment;
  JsonText update_mask;
  static constexpr auto fields() {
    return std::tuple{in_path("trace_id", &UpdateAssessment::trace_id),
                      in_path("assessment_id", &UpdateAssessment::assessment_id),
                      required("assessment", &UpdateAssessment::assessment),
                      required("update_mask", &UpdateAssessment::update_mask,
                               "Names of fields with commas between: \"feedback,rationale\".")};
  }
};

struct AssessmentAnswer {
  Assessment assessment;
  static constexpr auto fields() {
    return std::tuple{field("assessment", &AssessmentAnswer::assessment)};
  }
};

struct PathsOfMask {
  std::vector<std::string> paths;
  static constexpr auto fields() { return std::tuple{field("paths", &PathsOfMask::paths)}; }
};

// protobuf's JSON form is one text with the names in camelCase; an object with paths is taken too.
std::vector<std::string> mask_of(const JsonText& json) {
  std::vector<std::string> names;
  const JsonDocument document(json.json);
  if (std::string text; document.root().read(text)) {
    names = split(text, ',');
  } else {
    PathsOfMask mask;
    read_value("update_mask", document.root(), mask);
    names = std::move(mask.paths);
  }
  for (std::string& name : names) {
    if (name == "assessmentName") name = "assessment_name";
  }
  return names;
}

}  // namespace

void install_assessments(http::Api& api, Assessments& assessments) {
  const std::string all = "3.0/mlflow/traces/{trace_id}/assessments";
  const std::string one = all + "/{assessment_id}";
  api.post<CreateAssessment, AssessmentAnswer>(
      all, "Add feedback, an expectation or a reference to an issue to a trace.",
      [&](const CreateAssessment& in) {
        return AssessmentAnswer{assessments.create(in.trace_id, in.assessment)};
      });
  api.get<AssessmentName, AssessmentAnswer>(
      one, "An assessment of a trace.", [&](const AssessmentName& in) {
        return AssessmentAnswer{assessments.get(in.trace_id, in.assessment_id)};
      });
  api.patch<UpdateAssessment, AssessmentAnswer>(
      one, "Change an assessment.", [&](const UpdateAssessment& in) {
        return AssessmentAnswer{assessments.update(in.trace_id, in.assessment_id, in.assessment,
                                                   mask_of(in.update_mask))};
      });
  api.remove<AssessmentName, Empty>(one, "Delete an assessment.", [&](const AssessmentName& in) {
    assessments.remove(in.trace_id, in.assessment_id);
    return Empty{};
  });
}

}  // namespace sandbox::traces

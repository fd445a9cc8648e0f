# KServe reads where the keys are good from annotations of the Secret.
annotated() {
  kubectl annotate --local --filename - --output yaml@{annotations}
}

{{/* Labels of an object: dict "root" $ "app" NAME. What selects pods is `app`. */}}
{{- define "lab.labels" -}}
app: {{ .app | quote }}
app.kubernetes.io/part-of: {{ .root.Values.partOf | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | quote }}
{{- end }}

{{/* Labels of pods: without what changes with the chart's version, which would start them anew. */}}
{{- define "lab.podLabels" -}}
app: {{ .app | quote }}
app.kubernetes.io/part-of: {{ .root.Values.partOf | quote }}
{{- end }}

{{/* dict "root" $ "name" NAME "namespace" NAMESPACE "app" APP */}}
{{- define "lab.metadata" -}}
name: {{ .name | quote }}
namespace: {{ .namespace | quote }}
labels:
  {{- include "lab.labels" . | nindent 2 }}
{{- end }}

{{/* The restricted profile, for pods: dict "user" UID */}}
{{- define "lab.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .user }}
runAsGroup: {{ .user }}
fsGroup: {{ .user }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* The restricted profile, for containers. */}}
{{- define "lab.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end }}

{{- define "lab.isMlflow" -}}
{{- if eq .Values.server.kind "mlflow" }}true{{ end }}
{{- end }}

{{/* The file that the metadata, or the users of mlops-sandbox, are in. */}}
{{- define "lab.hasClaim" -}}
{{- if or (eq .Values.database.kind "sqlite") (and (eq .Values.server.kind "mlops-sandbox") .Values.users.enabled) }}true{{ end }}
{{- end }}

{{- define "lab.hasPostgres" -}}
{{- if and .Values.postgresql.enabled (eq .Values.database.kind "postgresql") }}true{{ end }}
{{- end }}

{{/* basic-auth.ini of MLflow's own server. */}}
{{- define "lab.hasSettingsFile" -}}
{{- if and (eq .Values.server.kind "mlflow") .Values.users.enabled }}true{{ end }}
{{- end }}

{{/* The S3 endpoint's URL; empty for AWS, whose SDKs know it. */}}
{{- define "lab.endpoint" -}}
{{- if .Values.s3.endpoint }}
{{- .Values.s3.endpoint }}
{{- else if .Values.minio.enabled }}
{{- printf "http://%s.%s.svc.cluster.local:9000" .Values.minio.service.name .Values.minio.namespace }}
{{- end }}
{{- end }}

{{- define "lab.objectKeys" -}}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ .Values.s3.existingSecret | quote }}
      key: access-key
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .Values.s3.existingSecret | quote }}
      key: secret-key
{{- end }}

{{- define "lab.databaseUri" -}}
{{- if eq .Values.database.kind "sqlite" -}}
- name: BACKEND_STORE_URI
  value: sqlite:////mlflow/mlflow.db
{{- else -}}
- name: BACKEND_STORE_URI
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.existingSecret | quote }}
      key: backend-uri
{{- end }}
- name: MLFLOW_BACKEND_STORE_URI
  value: $(BACKEND_STORE_URI)
{{- end }}

{{/* Questions for names, which every network policy lets out. */}}
{{- define "lab.nameQuestions" -}}
- to:
    - namespaceSelector: {}
      podSelector:
        matchLabels:
          k8s-app: kube-dns
  ports:
    - protocol: UDP
      port: 53
    - protocol: TCP
      port: 53
{{- end }}

{{/* A claim that outlives the release: dict "root" $ "name" "namespace" "app" "claim" VALUES */}}
{{- define "lab.claim" -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "lab.metadata" . | nindent 2 }}
  annotations:
    helm.sh/resource-policy: keep
spec:
  accessModes:
    - ReadWriteOnce
  {{- with .claim.storageClass }}
  storageClassName: {{ . | quote }}
  {{- end }}
  resources:
    requests:
      storage: {{ .claim.size | quote }}
{{- end }}

{{/* dict "root" $ "name" "namespace" "app" */}}
{{- define "lab.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "lab.metadata" . | nindent 2 }}
automountServiceAccountToken: false
{{- end }}

{{/* One pod may be away while nodes are drained: dict "root" $ "name" "namespace" "app" */}}
{{- define "lab.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "lab.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app: {{ .app | quote }}
{{- end }}

{{/* A probe without its period: the values `postgresql` */}}
{{- define "lab.postgresIsReady" -}}
exec:
  command:
    - pg_isready
    - -U
    - {{ .user | quote }}
    - -d
    - {{ .database | quote }}
timeoutSeconds: 5
{{- end }}

{{/* What server and upgrade have in common: dict "root" $ "data" DIRECTORY */}}
{{- define "lab.serverMounts" -}}
- name: tmp
  mountPath: /tmp
{{- if or (include "lab.hasClaim" .root) (not (include "lab.isMlflow" .root)) }}
- name: data
  mountPath: {{ .data }}
{{- end }}
{{- if include "lab.isMlflow" .root }}
- name: scripts
  mountPath: /scripts
  readOnly: true
{{- end }}
{{- if include "lab.hasSettingsFile" .root }}
- name: settings
  mountPath: /etc/mlflow
  readOnly: true
{{- end }}
{{- end }}

"""The manifests for Kubernetes, held against the parts of its schemas that they use, and against each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema_rs import Draft202012Validator

from bot.__main__ import parser
from bot.model import EVERY_ROLE
from tests.paths import ROOT
from tests.test_deploy import SECRETS, VARIABLES

FOLDER = ROOT / "deploy" / "kubernetes"
WORKLOADS = ("Deployment", "StatefulSet")
Manifest = dict[str, Any]


def shape(required: str = "", **properties: Any) -> dict[str, Any]:
    """An object with these properties and no others."""
    return {
        "type": "object", "properties": properties, "required": required.split(), "additionalProperties": False,
    }  # fmt: skip


def many(item: Any) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1}


TEXT, TRUTH, NUMBER = {"type": "string", "minLength": 1}, {"type": "boolean"}, {"type": "integer", "minimum": 0}
NAME = {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
SELECTOR = shape("matchLabels", matchLabels=TEXTS)
METADATA = shape("name", name=NAME, labels=TEXTS)
AMOUNTS = {"type": "object", "additionalProperties": {"type": "string", "pattern": r"^\d+(m|Mi|Gi)?$"}}
PORT = {"anyOf": [NUMBER, NAME]}
PROBE = shape(
    "httpGet", httpGet=shape("path port", path=TEXT, port=PORT), periodSeconds=NUMBER, timeoutSeconds=NUMBER,
    failureThreshold=NUMBER,
)  # fmt: skip
CLAIM = shape(
    "accessModes resources",
    accessModes=many({"enum": ["ReadWriteOnce"]}),
    resources=shape("requests", requests=AMOUNTS),
)
CONTAINER = shape(
    "name image args securityContext resources volumeMounts",
    name=NAME, image=TEXT, args=many(TEXT), envFrom=many(shape("configMapRef", configMapRef=shape("name", name=NAME))),
    env=many(shape("name value", name=TEXT, value=TEXT)), ports=many(shape("name", name=NAME, containerPort=NUMBER)),
    startupProbe=PROBE, livenessProbe=PROBE, readinessProbe=PROBE,
    securityContext=shape(
        "", allowPrivilegeEscalation=TRUTH, readOnlyRootFilesystem=TRUTH, capabilities=shape("drop", drop=many(TEXT))
    ),
    resources=shape("requests limits", requests=AMOUNTS, limits=AMOUNTS),
    volumeMounts=many(shape("name mountPath", name=NAME, mountPath=TEXT, readOnly=TRUTH)),
)  # fmt: skip
VOLUME = shape(
    "name", name=NAME, emptyDir={"type": "object"}, persistentVolumeClaim=shape("claimName", claimName=NAME),
    secret=shape("secretName", secretName=NAME, defaultMode=NUMBER, items=many(shape("key path", key=TEXT, path=TEXT))),
)  # fmt: skip
POD = shape(
    "metadata spec",
    metadata=shape("labels", labels=TEXTS, annotations=TEXTS),
    spec=shape(
        "containers securityContext volumes automountServiceAccountToken",
        automountServiceAccountToken=TRUTH, terminationGracePeriodSeconds=NUMBER, restartPolicy={"enum": ["Never"]},
        securityContext=shape(
            "", runAsNonRoot=TRUTH, runAsUser=NUMBER, runAsGroup=NUMBER, fsGroup=NUMBER,
            seccompProfile=shape("type", type={"const": "RuntimeDefault"}),
        ),
        containers=many(CONTAINER), volumes=many(VOLUME),
    ),
)  # fmt: skip
RUNS = {"replicas": NUMBER, "selector": SELECTOR, "template": POD}
SPECS: dict[tuple[str, str], dict[str, Any]] = {
    ("apps/v1", "Deployment"): {"spec": shape("replicas selector template", **RUNS)},
    ("apps/v1", "StatefulSet"): {
        "spec": shape(
            "replicas selector template serviceName volumeClaimTemplates", serviceName=NAME,
            volumeClaimTemplates=many(shape("metadata spec", metadata=METADATA, spec=CLAIM)), **RUNS,
        )
    },
    ("policy/v1", "PodDisruptionBudget"): {
        "spec": shape("maxUnavailable selector", maxUnavailable=NUMBER, selector=SELECTOR),
    },
    ("networking.k8s.io/v1", "NetworkPolicy"): {
        "spec": shape(
            "podSelector policyTypes", podSelector=SELECTOR, policyTypes=many({"enum": ["Ingress"]}),
            ingress=many(shape("ports", ports=many(shape("port", protocol={"const": "TCP"}, port=PORT)))),
        )
    },
    ("v1", "Service"): {
        "spec": shape(
            "selector ports", clusterIP={"const": "None"}, selector=TEXTS,
            ports=many(shape("port", name=NAME, port=NUMBER, targetPort=PORT)),
        )
    },
    ("v1", "ConfigMap"): {"data": TEXTS},
    ("v1", "Secret"): {"type": {"const": "Opaque"}, "stringData": TEXTS},
    ("v1", "PersistentVolumeClaim"): {"spec": CLAIM},
    ("batch/v1", "CronJob"): {
        "spec": shape(
            "schedule jobTemplate", schedule={"type": "string", "pattern": r"^(\S+ ){4}\S+$"},
            concurrencyPolicy={"enum": ["Forbid"]}, successfulJobsHistoryLimit=NUMBER, failedJobsHistoryLimit=NUMBER,
            jobTemplate=shape("spec", spec=shape("template", backoffLimit=NUMBER, template=POD)),
        )
    },
    ("kustomize.config.k8s.io/v1beta1", "Kustomization"): {
        "namespace": NAME, "resources": many(TEXT),
        "images": many(shape("name", name=TEXT, newName=TEXT, newTag={"type": "string"})),
    },
}  # fmt: skip
"""What of https://kubernetes.io/docs/reference/kubernetes-api/ is used: a key that is not here is a mistake."""


def manifests() -> list[Manifest]:
    return [
        manifest
        for path in sorted(FOLDER.glob("*.yaml"))
        for manifest in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]


def of_kind(*kinds: str) -> list[Manifest]:
    return [manifest for manifest in manifests() if manifest["kind"] in kinds]


def pods() -> Iterator[tuple[str, Manifest]]:
    for manifest in of_kind(*WORKLOADS):
        yield manifest["metadata"]["name"], manifest["spec"]["template"]
    for manifest in of_kind("CronJob"):
        yield manifest["metadata"]["name"], manifest["spec"]["jobTemplate"]["spec"]["template"]


def containers() -> Iterator[Manifest]:
    for _, pod in pods():
        yield from pod["spec"]["containers"]


@pytest.mark.parametrize("manifest", manifests(), ids=lambda m: f"{m['kind']} {m.get('metadata', {}).get('name', '')}")
def test_a_manifest_says_only_what_its_kind_can_say(manifest: Manifest) -> None:
    more = SPECS[manifest["apiVersion"], manifest["kind"]]
    known = shape("apiVersion kind", apiVersion=TEXT, kind=TEXT, metadata=METADATA, **more)
    known["required"] += [key for key in ("spec", "data", "resources") if key in more]
    assert [f"{e.instance_path}: {e.message}" for e in Draft202012Validator(known).iter_errors(manifest)] == []


def test_a_wrong_key_is_found() -> None:
    (manifest, *_) = of_kind("Deployment")
    manifest["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    (error,) = Draft202012Validator(shape("", **SPECS["apps/v1", "Deployment"])).iter_errors({"spec": manifest["spec"]})
    assert "readinesProbe" in error.message


def test_every_role_runs_and_the_arguments_are_the_programs_own() -> None:
    played: list[str] = []
    for container in containers():
        options = parser().parse_args(container["args"])
        assert options.command in ("run", "backup")
        if options.command == "run":
            played += options.roles.split(",")
    assert sorted(played) == sorted(EVERY_ROLE)


def test_selectors_select_their_own_pods_and_no_others() -> None:
    labels = {name: pod["metadata"]["labels"] for name, pod in pods()}
    for workload in of_kind(*WORKLOADS):
        wanted = workload["spec"]["selector"]["matchLabels"]
        assert [name for name, has in labels.items() if wanted.items() <= has.items()] == [workload["metadata"]["name"]]
    for budget in of_kind("PodDisruptionBudget"):
        wanted = budget["spec"]["selector"]["matchLabels"]
        (kept,) = [w for w in of_kind(*WORKLOADS) if wanted == w["spec"]["selector"]["matchLabels"]]
        assert kept["spec"]["replicas"] > budget["spec"]["maxUnavailable"]
    for other in of_kind("Service", "NetworkPolicy"):
        wanted = other["spec"].get("selector") or other["spec"]["podSelector"]["matchLabels"]
        chosen = {name for name, has in labels.items() if wanted.items() <= has.items()}
        assert chosen == {workload["metadata"]["name"] for workload in of_kind(*WORKLOADS)}


def test_variables_exist_and_secrets_come_as_files_of_the_secret() -> None:
    (settings,) = of_kind("ConfigMap")
    (secret,) = of_kind("Secret")
    assert settings["data"].keys() <= VARIABLES and not settings["data"].keys() & SECRETS
    needs = {
        "telegram": {"telegram_token"},
        "discord": {"discord_token"},
        "deliver": {"telegram_token", "discord_token"},
    }
    for _, pod in pods():
        (container,) = pod["spec"]["containers"]
        for source in container.get("envFrom", []):
            assert source["configMapRef"]["name"] == settings["metadata"]["name"]
        (mounted,) = [v["secret"] for v in pod["spec"]["volumes"] if "secret" in v]
        assert mounted["secretName"] == secret["metadata"]["name"]
        files = {item["path"] for item in mounted["items"]}
        assert {item["key"] for item in mounted["items"]} <= secret["stringData"].keys()
        for variable in container["env"]:
            assert variable["name"].removesuffix("_FILE") in SECRETS
            assert variable["value"].removeprefix("/run/secrets/") in files
        assert len(container["env"]) == len(files)
        roles = container["args"][-1].split(",") if "--roles" in container["args"] else []
        assert files - {"database_url"} == {name for role in roles for name in needs.get(role, ())}


def test_pods_run_with_as_little_as_they_need() -> None:
    for name, pod in pods():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True and spec["securityContext"]["runAsUser"] == 10001
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        claims = [w for w in of_kind("StatefulSet") if w["metadata"]["name"] == name]
        there = {volume["name"] for volume in spec["volumes"]}
        there |= {claim["metadata"]["name"] for one in claims for claim in one["spec"]["volumeClaimTemplates"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == there
        writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
        assert {"/data", "/tmp"} <= writable
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    assert "--uid 10001" in dockerfile


def test_probes_ask_what_the_bot_answers() -> None:
    (settings,) = of_kind("ConfigMap")
    port = int(settings["data"]["PAPERROUND_HTTP_LISTEN"].rpartition(":")[2])
    answered = set(re.findall(r'web\.get\("(/\w+)"', (ROOT / "adapters" / "monitor.py").read_text(encoding="utf-8")))
    assert answered == {"/healthz", "/readyz", "/metrics"}
    for name, pod in pods():
        if name.endswith("backup"):
            continue
        (container,) = pod["spec"]["containers"]
        assert container["ports"] == [{"name": "http", "containerPort": port}]
        probes = {kind: container[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
        assert {get["port"] for get in probes.values()} == {"http"}
        # A database that is away must not have every process restarted.
        assert [get["path"] for get in probes.values()] == ["/healthz", "/healthz", "/readyz"]
        annotations = pod["metadata"]["annotations"]
        assert annotations["prometheus.io/port"] == str(port) and annotations["prometheus.io/path"] in answered


def test_kustomization_names_every_file_but_the_secrets() -> None:
    (kustomization,) = of_kind("Kustomization")
    others = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml", "secrets.example.yaml"}
    assert set(kustomization["resources"]) == others
    assert {image["name"] for image in kustomization["images"]} == {c["image"].partition(":")[0] for c in containers()}


def test_what_must_outlast_a_pod_has_a_volume() -> None:
    """Who erases keeps erasures.log in the data folder; who answers keeps the search index there."""
    for workload in of_kind("Deployment"):
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        assert container["args"] == ["run", "--roles", "deliver"]
    assert Path(FOLDER / "backup.yaml").exists()

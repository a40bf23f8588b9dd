# SPDX-License-Identifier: Apache-2.0
"""Reads the manifest and the Dockerfile of examples/operations/kubernetes, and
prints the sidecar's arguments, a line each, with programs found by PATH.

usage: manifest.py FOLDER ROOT"""

import os
import re
import sys

import yaml

folder, root = sys.argv[1:]
with open(os.path.join(folder, "leader.yaml")) as manifest:
    settings, deployment = yaml.safe_load_all(manifest)

assert settings["kind"] == "ConfigMap" and deployment["kind"] == "Deployment"
with open(os.path.join(root, "docs/man/leaselock-settings.5")) as page:
    known = page.read()
for name in settings["data"]:
    assert re.search(rf"\.Ev {name}\b", known), name

pod = deployment["spec"]["template"]["spec"]
labels = deployment["spec"]["template"]["metadata"]["labels"]
assert deployment["spec"]["selector"]["matchLabels"] == labels
volumes = {volume["name"] for volume in pod["volumes"]}
for container in pod["containers"]:
    assert all(m["name"] in volumes for m in container["volumeMounts"])
leader = next(c for c in pod["containers"] if c["name"] == "leader")
variables = {variable["name"] for variable in leader["env"]}
for argument in leader["args"]:
    for name in re.findall(r"\$\((\w+)\)", argument):
        assert name in variables, name
    print(re.sub(r"\$\(\w+\)", "10.0.0.7",
                 argument.replace("/usr/local/bin/", "")))

# A line of the Dockerfile begins with an instruction or continues one, and what
# is copied from the tree is there.
words = "FROM COPY WORKDIR RUN USER ENTRYPOINT".split()
with open(os.path.join(folder, "Dockerfile")) as file:
    text = re.sub(r"\\\n", "", re.sub(r"^#.*\n", "", file.read(), flags=re.M))
for line in filter(None, text.split("\n")):
    word, *rest = line.split()
    assert word in words, line
    if word == "COPY" and not rest[0].startswith("--from="):
        assert all(os.path.exists(os.path.join(root, path))
                   for path in rest[:-1]), line

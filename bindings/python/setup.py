# SPDX-License-Identifier: Apache-2.0
"""The extension is built against an installed leaselock, whose version the
package has: pkg-config finds both."""

import glob
import os
import subprocess

from setuptools import Extension, setup


def pkg_config(*arguments: str) -> list[str]:
    program = os.environ.get("PKG_CONFIG", "pkg-config")
    command = [program, *arguments, "leaselock"]
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split()


setup(
    version=pkg_config("--modversion")[0],
    ext_modules=[
        Extension(
            "leaselock._core",
            sorted(glob.glob("csrc/*.c")),
            depends=["csrc/core.h"],
            define_macros=[("_GNU_SOURCE", None)],
            extra_compile_args=["-std=c11", "-fvisibility=hidden"]
            + pkg_config("--cflags"),
            extra_link_args=pkg_config("--libs"),
        )
    ],
)

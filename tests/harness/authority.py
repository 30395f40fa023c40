"""A certificate authority for one test run, made with the openssl program."""

from __future__ import annotations

import subprocess
from pathlib import Path


def _openssl(*arguments: str) -> None:
    run = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {run.stderr.strip()}")


def _new_key(name: str, folder: Path) -> list[str]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256",
            "-days", "7", "-subj", f"/CN={name}", "-keyout", str(folder / f"{name}.key"),
            "-out", str(folder / f"{name}.crt")]


class Authority:
    """Signs a certificate per host; clients trust `ca_file` and nothing else."""

    def __init__(self, folder: Path, name: str = "Test Authority") -> None:
        self._folder = folder
        self._name = name.replace(" ", "-")
        folder.mkdir(parents=True, exist_ok=True)
        _openssl("req", "-x509", *_new_key(self._name, folder),
                 "-addext", "basicConstraints=critical,CA:TRUE",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self.ca_file = folder / f"{self._name}.crt"

    def issue(self, host: str) -> Path:
        """A PEM file for `certfiles`: the host's certificate, the authority's, and the key."""
        return self._issue(host, *self._signer())

    def issue_expired(self, host: str) -> Path:
        """The same, but it ended yesterday."""
        self._issue(host)
        certificate = str(self._folder / f"{host}.crt")
        _openssl("x509", "-in", certificate, "-out", certificate, "-days", "-1", *self._signer())
        return self._put_together(host)

    def _signer(self) -> list[str]:
        return ["-CA", str(self.ca_file), "-CAkey", str(self._folder / f"{self._name}.key")]

    def _issue(self, host: str, *signer: str) -> Path:
        _openssl("req", "-x509", *_new_key(host, self._folder), *signer,
                 "-addext", "basicConstraints=critical,CA:FALSE",
                 "-addext", f"subjectAltName=DNS:{host}",
                 "-addext", "extendedKeyUsage=serverAuth")
        return self._put_together(host)

    def _put_together(self, host: str) -> Path:
        parts = [self._folder / f"{host}.crt", self.ca_file, self._folder / f"{host}.key"]
        pem = self._folder / f"{host}.pem"
        pem.write_text("".join(part.read_text() for part in parts))
        pem.chmod(0o600)
        return pem

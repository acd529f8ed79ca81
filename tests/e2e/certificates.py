"""Certificates that a test makes for itself: an authority and what it issues."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.utcnow().replace(microsecond=0)


def date_text(when):
    """As errors say it, up to the seconds."""
    return when.strftime("%Y-%m-%dT%H:%M:%S")


class Authority:
    """Signs certificates. `file`: its own certificate, what clients trust."""

    def __init__(self, directory, name="Test Authority"):
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self._issued = 0
        builder = _builder(self._name, self._name, self._key, now() - DAY, now() + DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        self.file = directory / f"{name.replace(' ', '-').lower()}.pem"
        _write_certificate(self.file, builder.sign(self._key, hashes.SHA256()))

    def issue(self, *names, begins=None, ends=None):
        """(certificate file, key file) for a server with those DNS names and IP addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        begins, ends = begins or now() - DAY, ends or now() + DAY
        builder = _builder(_name(names[0]), self._name, key, begins, ends)
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        certificate = builder.add_extension(alternatives, False).sign(self._key, hashes.SHA256())
        self._issued += 1
        stem = self._directory / f"{self.file.stem}-{self._issued}"
        certificate_file, key_file = stem.with_suffix(".crt"), stem.with_suffix(".key")
        _write_certificate(certificate_file, certificate)
        write_key(key_file, key)
        return certificate_file, key_file


def write_key(path, key, passphrase=None):
    encryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
    )


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(subject, issuer, key, begins, ends):
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(begins).not_valid_after(ends)


def _write_certificate(path, certificate):
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

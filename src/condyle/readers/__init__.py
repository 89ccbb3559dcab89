"""Readers: packages on disk, and the families that make a reader of them."""

from condyle.readers.package import Package, open_package, write_package
from condyle.readers.shelf import (
    Reader,
    Shelved,
    check_package,
    find_package,
    import_package,
    list_packages,
    load_package,
    package_folders,
    package_for,
    package_names,
    user_folder,
    verify_package,
)
from condyle.readers.spec import PackageSpec

__all__ = [
    "Package",
    "PackageSpec",
    "Reader",
    "Shelved",
    "check_package",
    "find_package",
    "import_package",
    "list_packages",
    "load_package",
    "open_package",
    "package_folders",
    "package_for",
    "package_names",
    "user_folder",
    "verify_package",
    "write_package",
]

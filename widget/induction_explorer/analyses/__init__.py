"""One file = one thing that can be asked of a checkpoint; what stands here is known by its name."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

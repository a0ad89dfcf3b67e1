"""The field: encoding + network + domain + value map, its calculus, and the plain sections of its file."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.field._field import Execute as Execute
    from inr.field._field import Field as Field
    from inr.field._field import Spec as Spec
    from inr.field._field import Storage as Storage
    from inr.field._field import half_storage as half_storage
    from inr.field._field import plain_storage as plain_storage
    from inr.field._filtering import READER as READER
    from inr.field._filtering import check_filterable as check_filterable
    from inr.field._filtering import response as response
    from inr.field._jets import Jet as Jet
    from inr.field._jets import Operator as Operator
    from inr.field._jets import Reads as Reads
    from inr.field._jets import jet as jet
    from inr.field._jets import laplace as laplace
    from inr.field._reading import build_field as build_field
    from inr.field._sampled import SampledField as SampledField
    from inr.field._sections import MAX_FILE_BYTES as MAX_FILE_BYTES
    from inr.field._sections import PARTS as PARTS
    from inr.field._sections import field_sections as field_sections
    from inr.field._sections import section_tensors as section_tensors
    from inr.field._sections import tensor_section as tensor_section

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Execute": "._field",
        "Field": "._field",
        "Jet": "._jets",
        "MAX_FILE_BYTES": "._sections",
        "Operator": "._jets",
        "PARTS": "._sections",
        "READER": "._filtering",
        "Reads": "._jets",
        "SampledField": "._sampled",
        "Spec": "._field",
        "Storage": "._field",
        "build_field": "._reading",
        "check_filterable": "._filtering",
        "field_sections": "._sections",
        "half_storage": "._field",
        "jet": "._jets",
        "laplace": "._jets",
        "plain_storage": "._field",
        "response": "._filtering",
        "section_tensors": "._sections",
        "tensor_section": "._sections",
    },
)

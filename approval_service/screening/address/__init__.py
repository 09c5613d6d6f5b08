"""Screens an address before a letter goes there: one reading, its verdicts, its one spelling.

address = read("杭州市西湖区青梧路12号")
findings = judge(address, verified=False)
key = keyed_hash(normal(address))
"""

from approval_service.screening.address.normal import normal, parts
from approval_service.screening.address.postcode import postcode_warning
from approval_service.screening.address.verdicts import Address, AddressCode, Finding, judge, read

__all__ = ["Address", "AddressCode", "Finding", "judge", "normal", "parts", "postcode_warning", "read"]

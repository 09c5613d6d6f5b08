"""Both sides proven by the vendors' own SDKs: they talk to the simulator, and sign our requests as we do."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from alibabacloud_dysmsapi20170525 import models as aliyun_models
from alibabacloud_dysmsapi20170525.client import Client as AliyunClient
from alibabacloud_tea_openapi.utils import Utils as AliyunUtils
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.request import DaraRequest
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.common.sign import Sign
from tencentcloud.sms.v20210111 import models as tencent_models
from tencentcloud.sms.v20210111.sms_client import SmsClient

from carrier_simulator.faults import BY_SUFFIX
from sms_service.carriers.aliyun import signed_request
from sms_service.carriers.tencent import signed_headers
from tests.service.sms_service.parts import aliyun_account, simulating, tencent_account

SUFFIXES = {behaviour.name: suffix for suffix, behaviour in BY_SUFFIX.items()}
AWKWARD = "张 三+*~/&=%\n'\"😀"


def aliyun_client(url: str) -> Any:
    config = Config(
        access_key_id="simulated-key",
        access_key_secret="simulated-secret",
        endpoint=urlsplit(url).netloc,
        protocol="http",
    )
    return AliyunClient(config)


def tencent_client(url: str, secret_key: str) -> Any:
    http = HttpProfile(protocol="http", endpoint=urlsplit(url).netloc, reqTimeout=5)
    return SmsClient(Credential("simulated-id", secret_key), "ap-guangzhou", ClientProfile(httpProfile=http))


def filled(request: Any, **fields: Any) -> Any:
    request.from_json_string(orjson.dumps(fields).decode())
    return request


async def test_aliyuns_sdk_sends_and_queries(tmp_path: Path) -> None:
    """Aliyun's client sends to the simulator, is refused by code, and finds what it sent."""
    async with simulating(tmp_path, receipt_delay_s=0.0) as simulator:
        client = aliyun_client(simulator.url)
        request = aliyun_models.SendSmsRequest(
            phone_numbers="13800000001",
            sign_name="示例银行",
            template_code="SMS_1",
            template_param=orjson.dumps({"name": AWKWARD}).decode(),
            out_id="A1",
        )
        answer = (await asyncio.to_thread(client.send_sms, request)).body
        assert answer.code == "OK"
        (line,) = simulator.messages()
        assert orjson.loads(line["content"]["TemplateParam"]) == {"name": AWKWARD}

        request.phone_numbers = f"1380000{SUFFIXES['refuse']}"
        refused = (await asyncio.to_thread(client.send_sms, request)).body
        assert (refused.code, refused.biz_id) == ("isv.MOBILE_NUMBER_ILLEGAL", None)

        query = aliyun_models.QuerySendDetailsRequest(
            phone_number="13800000001",
            send_date=f"{datetime.fromtimestamp(line['time_ms'] / 1000 + 8 * 3600, UTC):%Y%m%d}",
            page_size=50,
            current_page=1,
            biz_id=answer.biz_id,
        )
        details = (await asyncio.to_thread(client.query_send_details, query)).body.sms_send_detail_dtos
        (detail,) = details.sms_send_detail_dto
        assert (detail.out_id, detail.send_status, detail.err_code) == ("A1", 3, "DELIVERED")

        await simulator.control(carrier="aliyun", template={"code": "SMS_1", "text": "${name}", "state": "passed"})
        copy = aliyun_models.GetSmsTemplateRequest(template_code="SMS_1")
        template = (await asyncio.to_thread(client.get_sms_template, copy)).body
        assert (template.template_content, template.template_status) == ("${name}", "1")


async def test_tencents_sdk_sends_and_pulls(tmp_path: Path) -> None:
    """Tencent's client sends to several numbers with partial success, and pulls what became of one."""
    async with simulating(tmp_path, receipt_delay_s=0.0) as simulator:
        client = tencent_client(simulator.url, "simulated-secret")
        request = filled(
            tencent_models.SendSmsRequest(),
            PhoneNumberSet=["+8613800000001", f"+861380000{SUFFIXES['refuse']}"],
            SmsSdkAppId="1400000000",
            TemplateId="1234567",
            SignName="示例银行",
            TemplateParamSet=[AWKWARD],
            SessionContext="A1",
        )
        statuses = (await asyncio.to_thread(client.SendSms, request)).SendStatusSet
        assert [(one.Code, bool(one.SerialNo), one.SessionContext) for one in statuses] == [
            ("Ok", True, "A1"),
            ("InvalidParameterValue.IncorrectPhoneNumber", False, "A1"),
        ]
        assert orjson.loads(simulator.messages()[0]["content"]["TemplateParamSet"]) == [AWKWARD]

        pull = filled(
            tencent_models.PullSmsSendStatusByPhoneNumberRequest(),
            BeginTime=simulator.messages()[0]["time_ms"] // 1000,
            Offset=0,
            Limit=100,
            PhoneNumber="+8613800000001",
            SmsSdkAppId="1400000000",
        )
        pulled = (await asyncio.to_thread(client.PullSmsSendStatusByPhoneNumber, pull)).PullSmsSendStatusSet
        assert [(one.SerialNo, one.ReportStatus) for one in pulled] == [(statuses[0].SerialNo, "SUCCESS")]

        await simulator.control(carrier="tencent", template={"code": "1234567", "text": "{1}", "state": "passed"})
        copies = filled(tencent_models.DescribeSmsTemplateListRequest(), International=0, TemplateIdSet=[1234567])
        listed = (await asyncio.to_thread(client.DescribeSmsTemplateList, copies)).DescribeTemplateStatusSet
        assert [(one.TemplateContent, one.StatusCode) for one in listed] == [("{1}", 0)]

        with pytest.raises(TencentCloudSDKException) as caught:
            await asyncio.to_thread(tencent_client(simulator.url, "other").SendSms, request)
        assert caught.value.code == "AuthFailure.SignatureFailure"


def test_aliyuns_sdk_signs_our_request_as_we_do() -> None:
    """Given our request, the SDK's own signing code gives our Authorization, to the letter."""
    account = aliyun_account("https://dysmsapi.aliyuncs.com")
    parameters = {"PhoneNumbers": "13800000001", "TemplateParam": orjson.dumps({"name": AWKWARD}).decode()}
    url, headers = signed_request(account, "SendSms", parameters, datetime.now(UTC), "nonce-1")
    authorization = headers.pop("Authorization")
    request = DaraRequest()
    request.method, request.pathname, request.headers = "POST", "/", headers
    request.query = dict(parse_qsl(urlsplit(url).query))
    body_sha256 = hashlib.sha256(b"").hexdigest()
    signed = AliyunUtils.get_authorization(
        request, "ACS3-HMAC-SHA256", body_sha256, account.access_key_id, account.access_key_secret
    )
    assert signed == authorization


def test_tencents_sdk_signs_our_request_as_we_do() -> None:
    """The SDK's key derivation and signature over our canonical request, with the action that it leaves out itself."""
    account = tencent_account("https://sms.tencentcloudapi.com")
    body = orjson.dumps({"TemplateParamSet": [AWKWARD]})
    headers = signed_headers(account, "SendSms", body, 1_795_492_800)
    canonical = (
        "POST\n/\n\ncontent-type:application/json\nhost:sms.tencentcloudapi.com\nx-tc-action:sendsms\n\n"
        f"content-type;host;x-tc-action\n{hashlib.sha256(body).hexdigest()}"
    )
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"TC3-HMAC-SHA256\n1795492800\n2026-11-24/sms/tc3_request\n{hashed}"
    signature = Sign.sign_tc3(account.secret_key, "2026-11-24", "sms", to_sign)
    assert headers["Authorization"].endswith(f"SignedHeaders=content-type;host;x-tc-action, Signature={signature}")

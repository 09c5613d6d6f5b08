"""The Chinese names of states and rule codes, as people are shown them beside the codes."""

from __future__ import annotations

STATES = {
    "ADMITTED": "待发",
    "RELEASED": "已放行",
    "SENT": "已发送",
    "DELIVERED": "已送达",
    "UNDELIVERED": "未送达",
    "UNCONFIRMED": "结果未知",
    "BLOCKED": "已拦截",
    "CANCELLED": "已取消",
    "EXPIRED": "已过期",
    "AWAITING_QUANTITY": "待批数量",
    "PRINTED": "已打印",
    "MAILED": "已交寄",
    "RETURNED": "已退回",
    "TO_PULL": "待抽出",
    "PULLED": "已抽出",
}

LETTER_STATES = {
    "RELEASED": "待打印",
    "PRINTED": "已打印",
    "MAILED": "已交寄",
    "RETURNED": "已退回",
    "TO_PULL": "待抽出",
    "PULLED": "已抽出",
    "SPOILED": "已作废",
    "WITHDRAWN": "已撤出",
}

RUN_STATES = {"RENDERING": "排版中", "READY": "可打印", "CLOSED": "已关闭"}

POSTAL_CLASSES = {"ORDINARY": "平信", "REGISTERED": "挂号信"}

RETURN_REASONS = {
    "PERSON_UNKNOWN": "查无此人",
    "ADDRESS_UNCLEAR": "地址不详",
    "MOVED": "迁移新址不明",
    "NO_SUCH_ORGANISATION": "无此单位",
    "NO_SUCH_ADDRESS": "无此地址",
    "REFUSED": "拒收",
    "NOT_COLLECTED": "逾期未领",
    "DEATH": "收件人死亡",
    "DEMOLISHED": "拆迁",
    "NOBODY_THERE": "外出、空房",
    "MISDELIVERED": "误投",
    "OTHER": "其他",
}

CODES = {
    "NOT_PLACED": "未委案",
    "CASE_RECALLED": "已退案",
    "BALANCE_UNCONFIRMED": "金额未确认",
    "ACCOUNT_SETTLED": "已结清",
    "OPERATOR_MISSING": "无经办人",
    "TEMPLATE_NOT_APPROVED": "模板未获批",
    "TEMPLATE_NOT_FILED": "模板未报备",
    "VARIABLE_INVALID": "变量不合规",
    "CONTENT_PROHIBITED": "内容违规",
    "THIRD_PARTY_DISCLOSURE": "第三人",
    "IDENTITY_MISSING": "未表明身份",
    "QUIET_HOURS": "免打扰时段",
    "FREQUENCY_CAP": "频次上限",
    "DO_NOT_CONTACT": "禁止联系",
    "ACCOUNT_ON_HOLD": "账户暂停",
    "PHONE_INVALID": "号码无效",
    "CONTACT_UNVERIFIED": "号码或地址未核实",
    "LETTER_NOT_AUTHORIZED": "信函版本未授权",
    "BELOW_MINIMUM_AMOUNT": "低于最低金额",
    "CARE_AMOUNT": "小额须复核",
    "NO_PRIOR_CALL": "无首次通话",
    "ADDRESS_INCOMPLETE": "地址不完整",
    "ADDRESS_KNOWN_BAD": "已知坏址",
    "ADDRESS_SENSITIVE": "敏感地址",
    "ADDRESS_BROAD": "地址过大",
    "ADDRESS_UNDELIVERABLE": "地址无法投递",
    "QUANTITY_NOT_APPROVED": "数量未批",
    "NOT_DESIGNATED": "非指定人员",
    "REPAID_IN_FULL": "已全额还款",
    "REPAID_IN_PART": "已部分还款",
    "REQUESTED": "申请撤回",
    "ALREADY_LEFT": "已发出",
    "SET_ASIDE": "无法判定",
}

REPLY_KINDS = {
    "NOT_ME": "非本人",
    "OPT_OUT": "退订",
    "DISPUTE": "异议",
    "COMPLAINT": "投诉",
    "OTHER": "其他",
}

CHANNELS = {"SMS": "短信", "LETTER": "信函"}

POLICY_OUTCOMES = {
    "LET_THROUGH": "放行",
    "HELD": "等待",
    "EXPIRED": "过期",
    "BLOCKED": "拦截",
    "WITHDRAWN": "撤回",
    "UNKNOWN": "无法判断",
}

SIMULATED_CODES = {"EXPIRED": "等到过期", "NOT_AFTER": "要求的等待超过期限"}
"""What a simulation counts beside the rules' codes."""

TEMPLATE_STATES = {
    "DRAFT": "待内审",
    "REVIEWED": "待银行批准",
    "DOCUMENTED": "待复核批文",
    "APPROVED": "已批准",
    "SUSPENDED": "已暂停",
    "REJECTED": "已驳回",
    "RETIRED": "已停用",
}

QUANTITY_STATES = {"ASKED": "待审批", "GRANTED": "已批准", "REFUSED": "已驳回"}

PERSON_STATES = {"NORMAL": "正常", "RESTRICTED": "已限制处理", "ERASURE_ASKED": "已申请删除", "ERASED": "已删除"}

PERSON_REQUEST_KINDS = {"ERASURE": "删除", "LIFT": "解除限制", "EXPORT": "导出"}

PERSON_REQUEST_STATES = {
    "ASKED": "待另一人处理",
    "APPROVED": "已批准",
    "DONE": "已完成",
    "REFUSED": "已驳回",
    "STOPPED": "已中止",
    "EXPIRED": "已过期",
}

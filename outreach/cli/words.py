"""The Chinese names of states and rule codes, as the tables show them beside the codes."""

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
}

STATE_STYLES = {
    "ADMITTED": "blue",
    "RELEASED": "cyan",
    "SENT": "cyan",
    "DELIVERED": "green",
    "UNDELIVERED": "red",
    "UNCONFIRMED": "bold red",
    "BLOCKED": "yellow",
    "CANCELLED": "magenta",
    "EXPIRED": "bright_black",
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
    "CONTACT_UNVERIFIED": "号码未核实",
    "REPAID_IN_FULL": "已全额还款",
    "REPAID_IN_PART": "已部分还款",
    "REQUESTED": "申请撤回",
    "ALREADY_LEFT": "已发出",
}

REPLY_KINDS = {
    "NOT_ME": "非本人",
    "OPT_OUT": "退订",
    "DISPUTE": "异议",
    "COMPLAINT": "投诉",
    "OTHER": "其他",
}

TEMPLATE_STATE_STYLES = {
    "DRAFT": "blue",
    "REVIEWED": "cyan",
    "DOCUMENTED": "cyan",
    "APPROVED": "green",
    "SUSPENDED": "yellow",
    "REJECTED": "red",
    "RETIRED": "bright_black",
}

TEMPLATE_STATES = {
    "DRAFT": "待内审",
    "REVIEWED": "待银行批准",
    "DOCUMENTED": "待复核批文",
    "APPROVED": "已批准",
    "SUSPENDED": "已暂停",
    "REJECTED": "已驳回",
    "RETIRED": "已停用",
}

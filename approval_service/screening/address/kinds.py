"""What the words at the end of a name say about the place: a road, a home, an office, a market, an institution."""

from __future__ import annotations

from enum import IntEnum, auto


class Kind(IntEnum):
    """What a part of an address is: first the names, then the numbers, then what is neither."""

    ROAD = auto()
    VILLAGE = auto()
    HOME = auto()
    TOWER = auto()
    PARK = auto()
    MARKET = auto()
    CAMPUS = auto()
    TALENT_CENTRE = auto()
    FIRM = auto()
    INSTITUTION = auto()
    NAME = auto()
    HOUSE = auto()
    LANE = auto()
    BLOCK = auto()
    STAIR = auto()
    FLOOR = auto()
    ROOM = auto()
    GROUP = auto()
    SECTION = auto()
    NUMBER = auto()
    NEAR = auto()
    NOISE = auto()
    OPEN = auto()
    CLOSE = auto()


BROAD = frozenset({Kind.PARK, Kind.MARKET, Kind.CAMPUS, Kind.TALENT_CENTRE})
MANY_DOORS = frozenset({Kind.HOME, Kind.TOWER})
"""Compounds and buildings: a letter needs the room."""


def _compose(stems: str, endings: str) -> str:
    return " ".join(stem + ending for stem in stems.split() for ending in endings.split())


_ROADS = "路 路东段 路西段 路南段 路北段 街 巷 弄 胡同 大道 大街 公路 马路 国道 省道 县道"
_VILLAGES = "村 自然村 行政村 屯 大队 嘎查"
_HOMES = (
    "小区 花园 公寓 花苑 家园 家苑 名苑 新村 新苑 新居 雅苑 嘉园 嘉苑 佳苑 锦苑 豪苑 丽苑 豪庭 华庭 名庭 "
    "雅居 大院 公馆 别墅 山庄 人家 名邸 官邸 府邸 组团 农居点 丽景 庭院 名城 世家 名都 名门 名府 华府 学府 "
    "御府 宿舍 生活区 住宅 居住区 安置区"
)
_LODGINGS = _compose("家属 宿舍 住宅 职工 教师 单身 居民 集资 安置 保障 廉租 公租 拆迁 筒子", "楼 房 院 区")
_TOWERS = (
    "大厦 大楼 写字楼 商务楼 商务中心 中心 广场 商厦 综合楼 科技楼 办公楼 办公大楼 购物中心 总部 科研楼 "
    "教学楼 实验楼 行政楼 信息楼 银座 金座"
)
_PARK_STEMS = (
    "工业 科技 科创 软件 产业 创业 创意 创新 创客 文创 孵化 物流 电商 电子商务 生态 示范 智造 小微 众创 工贸 "
    "化工 医药 食品 农业 信息 加工 生产 总部 工业集聚 工业集中 产业集聚 工业功能"
)
_PARKS = _compose(_PARK_STEMS, "园 园区 区 城 基地")
_OTHER_PARKS = (
    "园区 开发区 经开区 高新区 保税区 集聚区 功能区 度假区 风景区 景区 工业小区 工业新区 孵化器 物流中心 物流港"
)
_MARKETS = "市场 菜场 商贸城 批发中心"
_MARKET_CITIES = _compose(
    (
        "批发 农贸 建材 小商品 服装 服饰 轻纺 家具 家居 五金 电子 数码 皮革 电脑 灯具 灯饰 茶叶 眼镜 汽配 "
        "汽车 鞋 装饰 商品 商业 花鸟 水产 食品 果品 药材 珠宝 古玩 机电 钢材 石材 陶瓷 童装 毛衫 毛纺"
    ),
    "城",
)
_CAMPUSES = "大学 学院 校区 大学城 党校"
_TALENT_CENTRES = (
    "人才中心 人才市场 人才交流中心 人才服务中心 人才交流服务中心 人力资源市场 人力资源服务中心 人力资源中心 "
    "人力市场 就业服务中心 职业介绍中心 劳动力市场"
)
_FIRMS = (
    "公司 分公司 支公司 中心支公司 集团 总厂 厂 超市 酒店 宾馆 饭店 旅馆 旅社 招待所 客栈 餐厅 酒楼 食堂 "
    "商店 店 商行 商铺 经营部 门市部 营业部 营业厅 服务部 工作室 网吧 俱乐部 会所 事务所 办事处 委员会 "
    "管委会 居委会 村委会 村委 政府 机关 仓库 车间 加油站 站 医院 卫生院 卫生室 诊所 门诊部 幼儿园 小学 中学 "
    "学校 职高 技校 美容院 药房 茶楼 茶馆 棋牌室 茶庄 饭庄 酒庄 养殖场 农场 林场 合作社 协会 研究院 研究所 "
    "设计院 文化馆 博物馆 体育馆 影院 剧院 银楼 饭馆 面馆 餐馆 酒吧 咖啡馆 影楼 邮局 邮政所 分局 大队部 快递 "
    "驿站 代收点 自提点 物业 管理处 传达室 门卫 保安室 门岗 收发室 商场 百货 卖场"
)
_OFFICES = _compose("服务 活动 管理 事务 受理 培训 检测 研究 健身 政务 便民", "中心")

_COURTS = "法院 人民法院 法庭 检察院 检察室"
_POLICE = (
    "公安 公安局 公安厅 公安部 公安处 公安分局 派出所 警察局 警察署 警务室 警务站 警务区 警务中心 交警 "
    "交通警察 交通警察局 出入境管理局 车管所 车辆管理所"
)
_SQUADS = _compose(
    "交警 交通警察 刑警 刑侦 刑事侦查 经侦 治安 特警 巡警 巡特警 武警 边防 网安 网警 禁毒", "队 中队 大队 支队 总队"
)
_DETENTION = "看守所 拘留所 拘役所 监狱 监区 戒毒所 劳教所 劳动教养所 少管所 未成年犯管教所 收容所 收教所 收容教育所"
_LAWYERS = "律师事务所 律师所 律所 律师楼 律师行 法律服务所"
_NEWS = (
    "报社 日报 日报社 晚报 晚报社 晨报 晨报社 时报社 都市报 报业集团 报业大厦 电视台 广播电台 广播电视 "
    "广播电视台 广播电视局 广电 广电局 广电中心 广电集团 广电大厦 通讯社 新闻社 新闻中心 融媒体中心 融媒中心 "
    "记者站 杂志社"
)
_BANKS = (
    "银行 工行 农行 中行 建行 交行 招行 农商行 农合行 信合 信用社 信用联社 信用合作社 信用合作联社 "
    "信用卡中心 储蓄 储蓄所 分理处 支行 分行 邮储 邮政储蓄 金库"
)
_FINANCE = (
    "保险 保险公司 人寿 财险 寿险 产险 人保 证券 期货 信托 基金管理有限公司 基金公司 小额贷款 小贷公司 "
    "融资担保 融资租赁 金融租赁 消费金融 汽车金融 资产管理 财务公司 金融公司 银保监局 银监局 证监局 保监局 "
    "金融监督管理局 外汇管理局"
)

_CROSSINGS = "交叉口 交叉路口 交叉处 交叉 交汇处 交汇口 交汇 交会处 交接处 交界处 交界 路口 街口 巷口 村口"
_BESIDE = (
    "旁 旁边 对面 斜对面 正对面 对过 斜对过 附近 隔壁 侧 边上 楼上 楼下 门口 大门口 后面 前面 后门 路边 转角 "
    "拐角 拐角处 背后 外面"
)
_DIRECTIONS = _compose("以 往 向", "东 西 南 北")
_BEFORE_LANDMARK = "靠近 紧靠 紧邻 临近 毗邻"
_NOISE = (
    "电联 电联系 电话联系 请电话联系 打电话 电话 手机 联系人 收件人 收货人 邮编 邮政编码 NULL 送货上门 "
    "请送货上门 自取 代收 易碎 勿摔 邮寄地址 收货地址 通讯地址 家庭住址 家庭地址 单位地址 联系地址 地址"
)

# One character (or a word as common) that ends a name only where the name ends: before a number, a bracket or nothing.
_WEAK_ROADS = "道 线 条"
_WEAK_HOMES = "苑 园 庭 府 邸 轩 居 阁 墅 郡 湾 寓 坊 里 院 舍 城 岸 峰 台 堡 家 楼 国际 天地 新城 新区 上城 时代"
_WEAK_VILLAGES = "庄 寨 岙 坞 坪 坑 塆 垸 埠 浦 畈 岭 坝 堰 冲 屋 埭"
_WEAK_FIRMS = "部 局 所 馆 行 吧 厅"

# What hides the name of an institution inside it.
_HARMLESS = (
    "社会保险 医疗保险 养老保险 失业保险 工伤保险 劳动保险 保险柜 保险箱 保险丝 保险杠 信托寄卖 储蓄罐 "
    "日报亭 书法院 乡村 大学生 工行政 农行政 中行政 建行政 行政 街道 路桥"
)


def _lexicon(words: dict[Kind, tuple[str, ...]]) -> dict[str, Kind]:
    return {word: kind for kind, lists in words.items() for words_of_one in lists for word in words_of_one.split()}


ENDINGS = _lexicon(
    {
        Kind.ROAD: (_ROADS,),
        Kind.VILLAGE: (_VILLAGES,),
        Kind.HOME: (_LODGINGS, _HOMES),
        Kind.TOWER: (_TOWERS,),
        Kind.PARK: (_PARKS, _OTHER_PARKS),
        Kind.MARKET: (_MARKETS, _MARKET_CITIES),
        Kind.CAMPUS: (_CAMPUSES,),
        Kind.FIRM: (_FIRMS, _OFFICES),
        Kind.TALENT_CENTRE: (_TALENT_CENTRES,),
        Kind.INSTITUTION: (_COURTS, _POLICE, _SQUADS, _DETENTION, _LAWYERS, _NEWS, _BANKS, _FINANCE),
        Kind.NEAR: (_CROSSINGS, _BESIDE, _DIRECTIONS, _BEFORE_LANDMARK),
        Kind.NOISE: (_NOISE,),
    }
)
WEAK_ENDINGS = _lexicon(
    {
        Kind.ROAD: (_WEAK_ROADS,),
        Kind.HOME: (_WEAK_HOMES,),
        Kind.VILLAGE: (_WEAK_VILLAGES,),
        Kind.FIRM: (_WEAK_FIRMS,),
    }
)
HARMLESS = frozenset(_HARMLESS.split())
BEFORE_LANDMARK = frozenset(_BEFORE_LANDMARK.split())
HOMELY = frozenset("苑园府邸轩居阁墅郡湾寓坊舍里")
"""Endings of one character that make a home even of what is named after an institution; 庭 and 院 and 楼 do not."""
COMPANY_FORMS = frozenset({"", "有限", "有限责任", "股份有限", "集团", "集团股份有限"})
_BRANCHES = (
    "分公司 支公司 中心支公司 营业部 营业厅 服务部 办事处 管理处 管理中心 服务中心 受理中心 培训中心 机关 "
    "食堂 门卫 传达室 收发室 保安室 分局 大队 所 部 局 厅 行"
)
BRANCHES = frozenset(_BRANCHES.split())
"""What an institution calls its own parts."""

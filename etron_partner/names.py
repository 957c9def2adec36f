"""Whether a column of short Chinese texts holds names of persons: by surnames, signs of given names, and their shares.

Standard library only. One text alone says little (a town or a product may be called like a person), so the verdict is
over all values of a column, and over its distinct values.
"""

from __future__ import annotations

from dataclasses import dataclass, field


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟"
    "姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向汤赖洪康温樊施"
    "文洋常葛牛庞安殷章齐梅鲁庄倪柳伍邢岳翟申季兰俞牟纪路严焦关左柯辛管祝涂葉齊劉張陳楊吳趙鄧馮許鄭梁謝羅盧鍾陸賈"
    "欧聂童毕游阮裴祁耿尚詹舒屈项单符景甘成包司柴卜盛费霍车冉房苗丘席迟靳鲍卫柏滕屠闵瞿骆宁解褚蒙饶占桂匡娄应穆"
    "丛练隋连晏郎廉颜阎傅佟冷苑谷初卓艾封栾巩沙晋连华"
)
_DOUBLE = _words("欧阳 上官 司马 诸葛 皇甫 尉迟 公孙 慕容 令狐 宇文 长孙 司徒 夏侯 东方 独孤 端木 南宫 歐陽")
_GIVEN = frozenset(
    "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂兰玲红建国华文辉力鹏飞浩宇轩泽梓涵诺一依欣怡佳琪雪梅琳萍燕莉"
    "颖婷慧晶洁雯倩云峰山海波宁斌彬健俊凯毅龙林森鑫旭阳晨东南北春夏秋冬晓小大志永忠德福祥瑞吉庆祖宗光荣昌盛富贵"
    "金银玉珍珠宝翠凤凰莲菊兰竹松柏青蓝紫白素月星辰天地良善仁义礼智信孝廉正直安康乐喜欢笑悦怀思念爱心情意诚真美丽"
    "妍嫣媛婉淑贤惠雅芝芬芸茜蓉蓓蕾薇萌菲萱琦瑶瑾璇璐琴琼珊玥玮珂珺钰锋钢铁铭锐钧钊铎立生成才学文武斌胜利兵卫民"
    "人家邦宏弘洪鸿广博达远通顺进跃腾翔翰帆航舟江河湖源泉清洁润泽澜淼湘潇沛泓济津涌波浪雨露霖雷电震霆虹霄云岚岩"
    "岭峻崇嵩石磊坤垚城培堂尧凡元亮会伦仪佑作侠俪保倍伊仲伯传佩兴其冰冲冠凌列创剑劲劳勋勤化千升卓南印厚友双发可叶"
    "吟含启周咏品唯善喆嘉四园团圆坚基境士声夕如妮妹姗姣娅娇婧媚嫒子存宇守宜宝宣宪宸容密寒寿尊少尔尚展屹岳川巧己师"
    "希常帅干年庭延开张弦彤彦彩影征律循徽必忆志忻怜恒恩悠惜愉慈慕成扬承抒振捷掌揽放政敬斐新方旋日旦时昆昊昕易昱"
    "显晖晗智景晴暖曦曼曙有朋朔望朝本权杉来松枝枫柔柯柳栋树根格桃桐桦梁梦楚楠榕槐欧歌正武殊民永汉池沁沐治法泉洲"
    "洲浦涵淇渊温港游滔滢滨漫漪潮澄炎炜炫炳炼烁烈烨焕焱然照煜熙熠燃燊爽牧物特玄玺珏珑球理琛琨琰瑜瑄璟瓊甜田甲男"
    "留益盈真知石硕碧礼祎祝祯禄福禹秉科程稳穆穗空立章童端竞笛筠简箐精紫红纯纲线练绍维绪绮缘群羽翊翠翼耀聪肖育胤臣"
    "致航舒色艺节芃芊芮芯花苏苑若英茂茗茵荃荷莎莹莺菁菡萌萍葵蓝蔓蕊蕙薪虎蝶衡裕西言誉计训许诗谊谦豪贝财贞贡质赐"
    "赞超越路轩轶辉辰运连迎迪逸道遥那邦郁郎酉里重野钦铃锦锡镇镜长闯闻阔阳隆隽雁雄雅霏静韬韵音页顶颂颜风飘香馨骁骄"
    "骏高魁鲁鸣鹃鹤鹭麒麟黎默齐三二五六七八九十伟偉國華麗強軍傑濤靜艷藝龍鳳飛雲蘭穎潔慶榮貴寶銀鑫"
)
_NO_NAME_ENDS = frozenset(
    "市省区县州镇乡村路街巷店厂司行部局院校所处组员师工长者人业品类型级款贷卡险金券票车房店楼座号室层门户家族"
)
_PLACES_AND_WORDS = _words(
    """
    万宁 万安 万年 万源 严重 乐山 乐平 乐清 于是 于都 云南 任丘 任何 何时 余庆 余杭 余江 侯马 兰溪 兰考 关注
    关联 关闭 初中 初婚 初级 包头 华宁 华安 华阴 单一 单亲 单县 单笔 单身 南平 卢龙 叶城 司机 司法 吉安 吉林
    向上 向阳 吕梁 吴川 吴忠 吴江 周口 周至 唐山 唐河 商业 商河 夏河 夏津 孟津 宁国 宁安 宁德 宁河 宁波 宁海
    宁远 安丘 安全 安吉 安国 安宁 安平 安庆 安康 安装 安阳 宋庆 宣城 尚可 岳阳 左云 左右 左权 常宁 常德 常熟
    常规 平安 广安 庄河 应城 应届 应收 康定 康平 张北 张掖 彭山 彭泽 徐水 怀安 成功 成安 成年 成都 成都市 房产
    房山 文化 文员 文安 文山 文教 文昌 文水 文盲 文职 方式 朱家 柳河 桂平 桂林 桂阳 梅河 武夷山 武威 武宁 武安
    武山 武平 武汉 武清 武隆 江东 江北 江南 江宁 江山 江海 江苏 江西 江门 江阴 汪清 沈丘 沈阳 沙河 沙湾 洪江
    洪湖 温和 温馨 甘南 甘肃 田东 田林 田阳 白云 白山 白条 白金 白银 白领 石化 石城 石林 石油 石泉 石门 石首
    祁东 祁门 祁阳 秦安 程序 章丘 罗定 罗山 罗平 罗湖 罗源 舒兰 花呗 荣成 荣昌 萧山 解除 许昌 贵阳 贺兰 赵县
    路人 路北 路南 车辆 辛集 连续 邵武 邵阳 邹平 郑东 金华 金山 金昌 金条 金沙 金湖 金牛 金融 钟山 钟祥 钱江
    铁岭 阳春 阳江 霍山 靖江 韩城 颜色 马山 高中 高危 高安 高平 高新 高明 高校 高淳 高等 高级 高考 高速 高阳
    高雄 高风险 鲁山 鲁甸 黄冈 黄山 黄岩 黄浦 黄石 黄金 黄骅 黎平 黎明 齐河 龙华 龙岗 龙岩 龙江 龙泉 龙海 龙门
    """
)
_SEEN = 5_000


def likeness(text: str) -> int:
    """How much a text looks like a person's name: 0 not, 1 by its surname, 2 by surname and given name.

    >>> likeness("张伟"), likeness("欧阳娜娜"), likeness("苏州"), likeness("北京"), likeness("工程师")
    (2, 2, 0, 0, 0)
    """
    text = text.replace(" ", "").replace("\u3000", "")
    if not 2 <= len(text) <= 4 or text in _PLACES_AND_WORDS or not all("一" <= sign <= "龥" for sign in text):
        return 0
    if text[:2] in _DOUBLE and len(text) > 2:
        return 2
    if text[0] not in _SURNAMES or len(text) == 4 or text[-1] in _NO_NAME_ENDS:
        return 0
    return 2 if all(sign in _GIVEN for sign in text[1:]) else 1


@dataclass
class NameTally:
    """What was seen of one column that might hold names."""

    n_values: int = 0  # that are not missing, of any form
    likely: list[int] = field(default_factory=lambda: [0, 0, 0])
    distinct: dict[str, int] = field(default_factory=dict)
    first_row: int = 0

    def add(self, text: str, row: int, count: int = 1) -> None:
        """A value that stands in ``count`` rows, first in ``row``."""
        found = likeness(text)
        self.likely[found] += count
        if found:
            self.first_row = min(self.first_row or row, row)
        if len(self.distinct) < _SEEN:
            self.distinct[text] = found

    @property
    def hits(self) -> int:
        return self.likely[1] + self.likely[2]

    def is_names(self) -> bool:
        """The verdict over the column."""
        rows, kinds = self.n_values, list(self.distinct.values())
        if not rows or not kinds:
            return False
        strong = sum(kind == 2 for kind in kinds)
        if strong >= 5:
            often = self.likely[2] >= 0.5 * rows and strong >= 0.5 * len(kinds)
            weak = self.hits >= 0.9 * rows and strong >= 0.2 * len(kinds)
            return often or weak
        if len(kinds) >= 20:
            return self.hits >= 0.97 * rows and sum(len(text) == 3 for text in self.distinct) >= 0.3 * len(kinds)
        return self.likely[2] == rows and all(len(text) >= 3 for text in self.distinct)

from test_terraform_real import *
import json
def flow(says):
    return json.dumps({"Version":"2019-10-30","StartAction":"say","Metadata":{},"Actions":[
      {"Identifier":"say","Type":"MessageParticipant","Parameters":{"Text":says},"Transitions":{"NextAction":"end","Errors":[],"Conditions":[]}},
      {"Identifier":"end","Type":"DisconnectParticipant","Parameters":{},"Transitions":{}}]})
def config(instance, says, desc):
    r={"resource":{
     "aws_connect_contact_flow":{"f":{"instance_id":instance,"name":"Flow","type":"CONTACT_FLOW","content":flow(says),"description":desc,"tags":{"a":"b"}},
       "plain":{"instance_id":instance,"name":"Plain","content":flow(says)}},
     "aws_connect_contact_flow_module":{"m":{"instance_id":instance,"name":"Module","content":json.dumps({"Version":"2019-10-30","StartAction":"end","Actions":[{"Identifier":"end","Type":"EndFlowModuleExecution","Parameters":{},"Transitions":{}}],"Settings":{"InputParameters":[],"OutputParameters":[],"Transitions":[]}}),"description":desc}},
     "aws_connect_phone_number":{"p":{"target_arn":"${data.aws_connect_instance.i.arn}","country_code":"US","type":"DID","description":desc,"tags":{"a":says}},"t":{"target_arn":"${data.aws_connect_instance.i.arn}","country_code":"US","type":"TOLL_FREE","prefix":"+1888"}},
     "aws_connect_phone_number_contact_flow_association":{"a":{"instance_id":instance,"phone_number_id":"${aws_connect_phone_number.p.id}","contact_flow_id":"${aws_connect_contact_flow.f.contact_flow_id}"}},
     "aws_connect_vocabulary":{"v":{"instance_id":instance,"name":"words","language_code":"en-US","content":"Phrase\tIPA\tSoundsLike\tDisplayAs\nLos-Angeles\t\t\tLos Angeles\n","tags":{"a":says}}}},
     "data":{"aws_connect_instance":{"i":{"instance_id":instance}},"aws_connect_contact_flow":{"f":{"instance_id":instance,"name":"${aws_connect_contact_flow.f.name}"}},
       "aws_connect_vocabulary":{"v":{"instance_id":instance,"name":"${aws_connect_vocabulary.v.name}"}},"aws_connect_prompt":{"p":{"instance_id":instance,"name":"Beep.wav"}}}}
    return r
def test_flows(tmp_path, connect, server):
    c=fresh(connect) if callable(fresh) else None

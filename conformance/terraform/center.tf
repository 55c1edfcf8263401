# A contact centre in the manner of the published Terraform modules for Amazon Connect: a map of each kind of resource,
# all of which refer to each other. The test applies it stage after stage; of each resource something differs.

variable "alias" {
  type = string
}

variable "stage" {
  type    = number
  default = 0
}

locals {
  second  = var.stage == 1
  account = "123456789012"
  key     = "arn:aws:kms:us-east-1:${local.account}:key/${local.second ? "two" : "one"}"
  tags    = local.second ? { Team = "Service", Stage = "second" } : { Team = "Sales" }

  functions = [for name in ["look-up", local.second ? "refund" : "order"] :
  "arn:aws:lambda:us-east-1:${local.account}:function:${name}"]
  bots = local.second ? { Orders = "us-east-1", Returns = "eu-west-1" } : { Orders = "us-east-1" }
  buckets = {
    CALL_RECORDINGS   = { bucket = "recordings", prefix = local.second ? "calls/2" : "calls" }
    CHAT_TRANSCRIPTS  = { bucket = local.second ? "chats-2" : "chats", prefix = "chats" }
    SCHEDULED_REPORTS = { bucket = "reports", prefix = local.second ? "weekly" : "daily" }
  }
  streams = {
    CONTACT_TRACE_RECORDS = "contacts${var.stage}"
    AGENT_EVENTS          = "agents${var.stage}"
  }
  flows = {
    whisper  = "OUTBOUND_WHISPER"
    transfer = "QUEUE_TRANSFER"
    agent    = "AGENT_TRANSFER"
  }
  hours = {
    day   = { zone = "Europe/Paris", days = local.second ? ["MONDAY", "TUESDAY", "FRIDAY"] : ["MONDAY", "TUESDAY"] }
    night = { zone = local.second ? "Asia/Tokyo" : "UTC", days = ["SUNDAY"] }
  }
  queues = {
    sales   = { hours = "day", status = local.second ? "DISABLED" : "ENABLED", contacts = 5 }
    service = { hours = local.second ? "day" : "night", status = "ENABLED", contacts = local.second ? 7 : 10 }
  }
  users = {
    jane = { first = "Jane", profile = local.second ? "lead" : "agent", group = "paris" }
    joe  = { first = local.second ? "Joseph" : "Joe", profile = "agent", group = local.second ? "lyon" : "paris" }
  }
}

resource "aws_connect_instance" "this" {
  instance_alias                 = var.alias
  identity_management_type       = "CONNECT_MANAGED"
  inbound_calls_enabled          = true
  outbound_calls_enabled         = local.second
  multi_party_conference_enabled = local.second
}

resource "aws_connect_instance_storage_config" "bucket" {
  for_each      = local.buckets
  instance_id   = aws_connect_instance.this.id
  resource_type = each.key

  storage_config {
    storage_type = "S3"

    s3_config {
      bucket_name   = each.value.bucket
      bucket_prefix = each.value.prefix

      encryption_config {
        encryption_type = "KMS"
        key_id          = local.key
      }
    }
  }
}

resource "aws_connect_instance_storage_config" "stream" {
  for_each      = local.streams
  instance_id   = aws_connect_instance.this.id
  resource_type = each.key

  storage_config {
    storage_type = each.key == "CONTACT_TRACE_RECORDS" && local.second ? "KINESIS_FIREHOSE" : "KINESIS_STREAM"

    dynamic "kinesis_stream_config" {
      for_each = each.key == "CONTACT_TRACE_RECORDS" && local.second ? [] : [each.value]

      content {
        stream_arn = "arn:aws:kinesis:us-east-1:${local.account}:stream/${each.value}"
      }
    }

    dynamic "kinesis_firehose_config" {
      for_each = each.key == "CONTACT_TRACE_RECORDS" && local.second ? [each.value] : []

      content {
        firehose_arn = "arn:aws:firehose:us-east-1:${local.account}:deliverystream/${each.value}"
      }
    }
  }
}

resource "aws_connect_instance_storage_config" "video" {
  instance_id   = aws_connect_instance.this.id
  resource_type = "MEDIA_STREAMS"

  storage_config {
    storage_type = "KINESIS_VIDEO_STREAM"

    kinesis_video_stream_config {
      prefix                 = "media"
      retention_period_hours = local.second ? 24 : 0

      encryption_config {
        encryption_type = "KMS"
        key_id          = local.key
      }
    }
  }
}

resource "aws_connect_lambda_function_association" "this" {
  for_each     = toset(local.functions)
  instance_id  = aws_connect_instance.this.id
  function_arn = each.value
}

resource "aws_connect_bot_association" "this" {
  for_each    = local.bots
  instance_id = aws_connect_instance.this.id

  lex_bot {
    name       = each.key
    lex_region = each.value
  }
}

resource "aws_connect_vocabulary" "this" {
  for_each      = { products = "en-US", produits = "fr-FR" }
  instance_id   = aws_connect_instance.this.id
  name          = each.key
  language_code = each.value
  content       = "Phrase\tIPA\tSoundsLike\tDisplayAs\nLanyard\t\t\tLanyard ${var.stage}\n"
  tags          = local.tags
}

resource "aws_connect_phone_number" "this" {
  for_each     = { main = "US", support = "GB" }
  target_arn   = aws_connect_instance.this.arn
  country_code = each.value
  type         = "DID"
  tags         = local.tags
}

resource "aws_connect_contact_flow_module" "this" {
  instance_id = aws_connect_instance.this.id
  name        = local.second ? "Look up an order" : "Look up"
  description = "As of stage ${var.stage}"
  content = jsonencode({
    Version     = "2019-10-30"
    StartAction = "look-up"
    Actions = [
      { Identifier = "look-up", Type = "InvokeLambdaFunction",
        Parameters = { LambdaFunctionARN = aws_connect_lambda_function_association.this[local.functions[0]].function_arn, InvocationTimeLimitSeconds = "8" },
      Transitions = { NextAction = "end", Errors = [{ NextAction = "end", ErrorType = "NoMatchingError" }] } },
      { Identifier = "end", Type = "EndFlowModuleExecution", Parameters = {}, Transitions = {} },
    ]
  })
  tags = local.tags
}

resource "aws_connect_contact_flow" "this" {
  for_each    = local.flows
  instance_id = aws_connect_instance.this.id
  name        = local.second && each.key == "agent" ? "Transfer to an agent" : each.key
  description = "As of stage ${var.stage}"
  type        = each.value
  content = jsonencode({
    Version     = "2019-10-30"
    StartAction = "end"
    Actions     = [{ Identifier = "end", Type = each.key == "whisper" ? "EndFlowExecution" : "DisconnectParticipant", Parameters = {}, Transitions = {} }]
  })
  tags = local.tags
}

resource "aws_connect_contact_flow" "inbound" {
  instance_id = aws_connect_instance.this.id
  name        = "Inbound"
  type        = "CONTACT_FLOW"
  content = jsonencode({
    Version     = "2019-10-30"
    StartAction = "module"
    Actions = [
      { Identifier = "module", Type = "InvokeFlowModule", Parameters = { FlowModuleId = aws_connect_contact_flow_module.this.contact_flow_module_id },
      Transitions = { NextAction = "queue", Errors = [{ NextAction = "end", ErrorType = "NoMatchingError" }] } },
      { Identifier = "queue", Type = "UpdateContactTargetQueue", Parameters = { QueueId = aws_connect_queue.this[local.second ? "service" : "sales"].arn },
      Transitions = { NextAction = "transfer", Errors = [{ NextAction = "end", ErrorType = "NoMatchingError" }] } },
      { Identifier = "transfer", Type = "TransferContactToQueue", Parameters = {},
      Transitions = { NextAction = "end", Errors = [{ NextAction = "end", ErrorType = "NoMatchingError" }] } },
      { Identifier = "end", Type = "DisconnectParticipant", Parameters = {}, Transitions = {} },
    ]
  })
  tags = local.tags
}

resource "aws_connect_hours_of_operation" "this" {
  for_each    = local.hours
  instance_id = aws_connect_instance.this.id
  name        = each.key
  time_zone   = each.value.zone

  dynamic "config" {
    for_each = each.value.days

    content {
      day = config.value

      start_time {
        hours   = 8
        minutes = 0
      }

      end_time {
        hours   = 17
        minutes = local.second ? 30 : 0
      }
    }
  }

  tags = local.tags
}

resource "aws_connect_queue" "this" {
  for_each              = local.queues
  instance_id           = aws_connect_instance.this.id
  name                  = each.key
  hours_of_operation_id = aws_connect_hours_of_operation.this[each.value.hours].hours_of_operation_id
  status                = each.value.status
  max_contacts          = each.value.contacts

  outbound_caller_config {
    outbound_caller_id_name      = "Shop ${var.stage}"
    outbound_caller_id_number_id = aws_connect_phone_number.this[local.second ? "support" : "main"].id
    outbound_flow_id             = aws_connect_contact_flow.this["whisper"].contact_flow_id
  }

  tags = local.tags
}

resource "aws_connect_queue" "front" {
  instance_id           = aws_connect_instance.this.id
  name                  = "front"
  hours_of_operation_id = aws_connect_hours_of_operation.this["day"].hours_of_operation_id
  quick_connect_ids     = [for name, q in aws_connect_quick_connect.this : q.quick_connect_id if name != (local.second ? "phone" : "queue")]
  tags                  = local.tags
}

resource "aws_connect_quick_connect" "this" {
  for_each    = { phone = "PHONE_NUMBER", queue = "QUEUE", user = "USER" }
  instance_id = aws_connect_instance.this.id
  name        = each.key
  description = "As of stage ${var.stage}"

  quick_connect_config {
    quick_connect_type = each.value

    dynamic "phone_config" {
      for_each = each.key == "phone" ? [1] : []

      content {
        phone_number = "+1206555010${var.stage}"
      }
    }

    dynamic "queue_config" {
      for_each = each.key == "queue" ? [1] : []

      content {
        contact_flow_id = aws_connect_contact_flow.this["transfer"].contact_flow_id
        queue_id        = aws_connect_queue.this[local.second ? "sales" : "service"].queue_id
      }
    }

    dynamic "user_config" {
      for_each = each.key == "user" ? [1] : []

      content {
        contact_flow_id = aws_connect_contact_flow.this["agent"].contact_flow_id
        user_id         = aws_connect_user.this[local.second ? "joe" : "jane"].user_id
      }
    }
  }

  tags = local.tags
}

resource "aws_connect_routing_profile" "this" {
  for_each                  = { basic = ["VOICE"], full = ["VOICE", "CHAT", "TASK"] }
  instance_id               = aws_connect_instance.this.id
  name                      = each.key
  description               = "As of stage ${var.stage}"
  default_outbound_queue_id = aws_connect_queue.this["sales"].queue_id

  dynamic "media_concurrencies" {
    for_each = each.value

    content {
      channel     = media_concurrencies.value
      concurrency = media_concurrencies.value == "CHAT" && local.second ? 2 : 1
    }
  }

  dynamic "queue_configs" {
    for_each = each.value

    content {
      channel  = queue_configs.value
      delay    = var.stage
      priority = 1
      queue_id = aws_connect_queue.this[queue_configs.value == "VOICE" ? "sales" : "service"].queue_id
    }
  }

  tags = local.tags
}

resource "aws_connect_security_profile" "this" {
  for_each    = { agent = ["BasicAgentAccess"], lead = local.second ? ["BasicAgentAccess", "Users.View"] : ["BasicAgentAccess"] }
  instance_id = aws_connect_instance.this.id
  name        = each.key
  description = "As of stage ${var.stage}"
  permissions = each.value
  tags        = local.tags
}

resource "aws_connect_user_hierarchy_structure" "this" {
  instance_id = aws_connect_instance.this.id

  hierarchy_structure {
    level_one {
      name = local.second ? "Place" : "City"
    }
  }
}

resource "aws_connect_user_hierarchy_group" "this" {
  for_each    = toset(["paris", "lyon"])
  instance_id = aws_connect_instance.this.id
  name        = local.second ? title(each.key) : each.key
  tags        = local.tags
  depends_on  = [aws_connect_user_hierarchy_structure.this]
}

resource "aws_connect_user" "this" {
  for_each             = local.users
  instance_id          = aws_connect_instance.this.id
  name                 = each.key
  password             = "Secret-1234"
  routing_profile_id   = aws_connect_routing_profile.this[local.second ? "full" : "basic"].routing_profile_id
  security_profile_ids = [aws_connect_security_profile.this[each.value.profile].security_profile_id]
  hierarchy_group_id   = aws_connect_user_hierarchy_group.this[each.value.group].hierarchy_group_id

  identity_info {
    first_name = each.value.first
    last_name  = "Doe"
    email      = "${each.key}@example.com"
  }

  phone_config {
    phone_type                    = "SOFT_PHONE"
    after_contact_work_time_limit = local.second ? 20 : 5
  }

  tags = local.tags

  lifecycle {
    ignore_changes = [password]
  }
}
